import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { EngineEvent } from '../../driver.ts';
import { DriverError } from '../../error.ts';
import type { OpenStack, StackOptions } from '../../pulumi/stack.ts';
import { FoundationInputs } from './inputs.ts';
import { FoundationOutputs } from './outputs.ts';

/** What the foundation is deployed with. */
export interface FoundationOptions {
  /** The data directory: it holds the stack's state and what the foundation exports. */
  readonly home: string;
  readonly engine: 'embedded' | 'cli';
  /** Addresses of providers that run already; the engine starts its own otherwise. */
  readonly providers: Readonly<Record<string, string>>;
}

/** What takes long to load, and only when it is needed. */
export interface Late {
  readonly openStack: () => Promise<(options: StackOptions) => Promise<OpenStack>>;
  readonly program: () => Promise<typeof import('./program.ts')>;
}

type OnEvent = (event: EngineEvent) => void;

/** The foundation of one account and region, deployed once. */
export interface Foundation {
  /** Deploys it, or brings it to other inputs, and writes down what it exports. */
  up(inputs: FoundationInputs, signal: AbortSignal, onEvent: OnEvent): Promise<FoundationOutputs>;
  /** What it exported last; undefined where none was deployed from this data directory. */
  outputs(): Promise<FoundationOutputs | undefined>;
  /** Takes it down. The evidence, its keys and the trail's records stay. */
  down(inputs: FoundationInputs, onEvent: OnEvent): Promise<void>;
}

/** The project of the foundation's stacks, as Pulumi.yaml has it. */
const PROJECT = 'burnbag-foundation';
/** The state holds nothing secret, and so its passphrase is none. It must be the same the next time. */
const PASSPHRASE = 'nothing in this state is secret';

/** Opens the foundation of a data directory. Rejects with DriverError. */
export function openFoundation(options: FoundationOptions, late: Late): Foundation {
  const file = join(options.home, 'aws', 'foundation.json');
  return {
    up: async (inputs, signal, onEvent) => {
      const stack = await open(options, late, inputs);
      const outputs = FoundationOutputs.parse(await explained(() => stack.up(signal, onEvent), signal));
      await writeDurably(file, outputs);
      return outputs;
    },
    outputs: () => readOutputs(options.home),
    down: async (inputs, onEvent) => {
      const stack = await open(options, late, inputs);
      await explained(() => stack.destroy(onEvent));
      await explained(() => stack.remove());
      await rm(file, { force: true });
    },
  };
}

/** What the foundation of a data directory exported; undefined where there is none. */
export async function readOutputs(home: string): Promise<FoundationOutputs | undefined> {
  const file = join(home, 'aws', 'foundation.json');
  return readDocument(file, FoundationOutputs, 'deploy the foundation again: burnbag aws foundation up');
}

/** The foundation's inputs, from a file of the user's. */
export async function readInputs(file: string): Promise<FoundationInputs> {
  const inputs = await readDocument(file, FoundationInputs, 'docs/aws.md has an example');
  if (inputs !== undefined) return inputs;
  throw badFile('a file with the foundation’s inputs', `none at ${file}`, 'docs/aws.md has an example');
}

async function open(
  { home, engine, providers }: FoundationOptions,
  late: Late,
  inputs: FoundationInputs,
): Promise<OpenStack> {
  const [openStack, { foundationProgram }] = await Promise.all([late.openStack(), late.program()]);
  const name = `${inputs.installationId}-${inputs.region}`;
  const options = {
    name,
    project: PROJECT,
    program: foundationProgram(inputs),
    backendDir: join(home, 'aws', 'state'),
    workDir: join(home, 'aws', 'work', name),
    engine,
    passphrase: PASSPHRASE,
    providers,
  };
  return explained(() => openStack(options));
}

/** Pulumi's errors carry a code and the words of the provider: of what use they are to a person is said here. */
async function explained<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof DriverError) throw cause;
    if (isEngineMissing(cause)) throw noEngine(cause);
    const got = cause instanceof Error ? cause.message : String(cause);
    throw new DriverError(
      signal?.aborted === true ? 'cancelled' : 'stack_failed',
      {
        expected: 'the foundation to come to what was asked',
        got,
        hint: 'what was done is in the state: the same command goes on from there',
      },
      { cause },
    );
  }
}

function isEngineMissing(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'engine_unavailable';
}

function noEngine(cause: unknown): DriverError {
  const hint = 'install it (https://www.pulumi.com/docs/install/): AWS resources are made by its plugin';
  return new DriverError(
    'no_pulumi',
    { expected: 'the pulumi binary on PATH', got: 'none that answers', hint },
    { cause },
  );
}

async function readDocument<T>(file: string, schema: z.ZodType<T>, hint: string): Promise<T | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw badFile(`${file} to be readable`, error instanceof Error ? error.message : String(error), hint);
  }
  const parsed = schema.safeParse(jsonOf(file, text, hint));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw badFile(`${file} to follow docs/aws.md`, `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`, hint);
}

function jsonOf(file: string, text: string, hint: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw badFile(`${file} to be JSON`, error instanceof Error ? error.message : String(error), hint);
  }
}

function badFile(expected: string, got: string, hint: string): DriverError {
  return new DriverError('bad_foundation', { expected, got, hint });
}

async function writeDurably(file: string, value: unknown): Promise<void> {
  await mkdir(join(file, '..'), { recursive: true, mode: 0o700 });
  await writeFile(`${file}.new`, `${JSON.stringify(value, undefined, 2)}\n`, { mode: 0o600, flush: true });
  await rename(`${file}.new`, file);
}

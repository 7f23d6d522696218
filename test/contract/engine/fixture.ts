import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { accessSync, constants } from 'node:fs';
import * as pulumi from '@pulumi/pulumi';
import { LocalWorkspace, PulumiCommand, Stack } from '@pulumi/pulumi/automation/index.js';
import type { EngineEvent } from '@pulumi/pulumi/automation/index.js';
import { expect, vi } from 'vitest';
import { createEmbeddedEngine } from '../../../infra/engine/index.ts';
import type { EmbeddedEngine, EmbeddedEngineOptions } from '../../../infra/engine/index.ts';
import { integrityViolations } from '../../../infra/engine/state/integrity.ts';
import { checkpointSchema } from '../../../infra/engine/state/schema.ts';
import type { Deployment, StoredResource } from '../../../infra/engine/state/schema.ts';
import type { TestProviderOptions } from '../../support/provider.ts';
import { TestProvider } from '../../support/provider.ts';

export type EngineName = 'embedded' | 'cli';

/** The engines this machine has. */
export const ENGINES: readonly EngineName[] = hasPulumi() ? ['embedded', 'cli'] : ['embedded'];

/** Each command of the binary is a process of its own, which takes seconds where the machine is busy. */
if (ENGINES.includes('cli')) vi.setConfig({ testTimeout: 180_000 });

/** Why the suite's second half did not run here, for the reader of the test report. */
export const CLI_MISSING = 'not run on the cli engine: there is no pulumi binary on PATH';

export type Program = () => Promise<Record<string, unknown>>;

/** A bag's provider resource. */
export class Bag extends pulumi.ProviderResource {
  constructor(name: string, inputs: pulumi.Inputs = {}, options: pulumi.ResourceOptions = {}) {
    super('bag', name, inputs, options);
  }
}

/** A custom resource; the provider adds the output `made`. */
export class Box extends pulumi.CustomResource {
  declare readonly made: pulumi.Output<string>;
  constructor(name: string, inputs: pulumi.Inputs = {}, options: pulumi.CustomResourceOptions = {}) {
    super('bag:index:Box', name, { ...inputs, made: undefined }, options);
  }
}

/** A component. */
export class Room extends pulumi.ComponentResource {
  constructor(name: string, options: pulumi.ComponentResourceOptions = {}) {
    super('bag:index:Room', name, {}, options);
    this.registerOutputs({ room: name });
  }
}

type Made = Readonly<Record<string, Box>>;
type BoxSpec = readonly [
  name: string,
  inputs?: ((made: Made) => pulumi.Inputs) | undefined,
  options?: ((made: Made) => pulumi.CustomResourceOptions) | undefined,
];

/** Boxes under one explicit provider: each entry is a name, its inputs (by what exists so far), its options. */
export function boxes(...specs: readonly BoxSpec[]): Program {
  return () => {
    const provider = new Bag('p');
    const made: Record<string, Box> = {};
    for (const [name, inputs, options] of specs)
      made[name] = new Box(name, inputs?.(made) ?? {}, { provider, ...options?.(made) });
    return Promise.resolve({});
  };
}

/** One stack's surroundings: temporary folders, a provider, and every state file the embedded engine wrote. */
export class Fixture {
  readonly engine: EngineName;
  readonly provider: TestProvider;
  readonly folder = mkdtempSync(join(tmpdir(), 'engine-contract-'));
  readonly checkpoints: string[] = [];
  readonly events: EngineEvent[] = [];
  embedded: EmbeddedEngine | undefined;
  readonly passphrase = randomUUID();

  private constructor(engine: EngineName, provider: TestProvider) {
    this.engine = engine;
    this.provider = provider;
  }

  static async open(engine: EngineName, options: TestProviderOptions = {}): Promise<Fixture> {
    return new Fixture(engine, await TestProvider.start(options));
  }

  /** The stack `dev` with another program: a new workspace and a new engine, as a new process would have them. */
  async stack(
    program: Program,
    options: EmbeddedEngineOptions & { readonly name?: string; readonly config?: Record<string, string> } = {},
  ): Promise<Stack> {
    const name = options.name ?? 'dev';
    const workDir = join(this.folder, `work-${randomUUID()}`);
    mkdirSync(workDir);
    const workspace = await LocalWorkspace.create({
      pulumiCommand: await this.#command(options),
      workDir,
      pulumiHome: join(this.folder, 'home'),
      program,
      projectSettings: { name: 'bb', runtime: 'nodejs', backend: { url: `file://${this.folder}` } },
      stackSettings: { [name]: options.config === undefined ? {} : { config: options.config } },
      envVars: {
        PULUMI_CONFIG_PASSPHRASE: this.passphrase,
        PULUMI_BACKEND_URL: `file://${this.folder}`,
        PULUMI_DEBUG_PROVIDERS: `bag:${this.provider.address.split(':')[1] ?? ''}`,
        PULUMI_SKIP_UPDATE_CHECK: '1',
      },
    });
    return Stack.createOrSelect(name, workspace);
  }

  /** `up` with a program, events kept. */
  async up(program: Program, options: Parameters<Stack['up']>[0] = {}): ReturnType<Stack['up']> {
    return (await this.stack(program)).up({ onEvent: this.take, ...options });
  }

  async destroy(options: Parameters<Stack['destroy']>[0] = {}): ReturnType<Stack['destroy']> {
    return (await this.stack(NEVER)).destroy({ onEvent: this.take, ...options });
  }

  /** Keeps an event. */
  readonly take = (event: EngineEvent): void => {
    this.events.push(event);
  };

  /** The state file, checked. */
  state(name = 'dev'): Deployment {
    return sound(readFileSync(this.stateFile(name), 'utf8'));
  }

  stateFile(name = 'dev'): string {
    return join(this.folder, '.pulumi', 'stacks', 'bb', `${name}.json`);
  }

  lockFolder(name = 'dev'): string {
    return join(this.folder, '.pulumi', 'locks', 'organization', 'bb', name);
  }

  /** Names of the resources in the state, in its order; the stack and providers by their types. */
  names(): string[] {
    return (this.state().resources ?? []).map(nameOf);
  }

  /** The entries of a name. */
  resources(name: string): StoredResource[] {
    return (this.state().resources ?? []).filter((resource) => nameOf(resource) === name);
  }

  resource(name: string): StoredResource {
    const [resource] = this.resources(name);
    if (resource === undefined) throw new Error(`no resource ${name} in the state`);
    return resource;
  }

  /** `NAME type` of the pending operations. */
  pending(): string[] {
    return (this.state().pending_operations ?? []).map(({ resource, type }) => `${nameOf(resource)} ${type}`);
  }

  /** The error diagnostics among the events. */
  errors(): string[] {
    return this.events.flatMap(({ diagnosticEvent }) =>
      diagnosticEvent?.severity === 'error' ? [diagnosticEvent.message] : [],
    );
  }

  summary(): NonNullable<EngineEvent['summaryEvent']> {
    const event = this.events.findLast(({ summaryEvent }) => summaryEvent !== undefined)?.summaryEvent;
    if (event === undefined) throw new Error('no summary event');
    return event;
  }

  /** Forgets calls, behaviours and events between two acts of a test. */
  next(): void {
    this.provider.reset();
    this.events.length = 0;
  }

  /** Checks every state file that was written, then removes everything. */
  close(): void {
    this.provider.stop();
    rmSync(this.folder, { recursive: true, force: true });
    for (const text of this.checkpoints) sound(text);
  }

  async #command(options: EmbeddedEngineOptions): Promise<PulumiCommand> {
    if (this.engine === 'cli') return PulumiCommand.get();
    this.embedded = createEmbeddedEngine({ onCheckpoint: (text) => this.checkpoints.push(text), ...options });
    const command: unknown = this.embedded;
    return command as PulumiCommand;
  }
}

/** A program that must not be run. */
export const NEVER: Program = () => Promise.reject(new Error('this program must not be run'));

/** Parses a state file by the strict schema and checks its integrity. */
export function sound(text: string): Deployment {
  const { checkpoint } = checkpointSchema.parse(JSON.parse(text));
  if (checkpoint.latest === undefined) throw new Error('the state file has no deployment');
  expect(integrityViolations(checkpoint.latest)).toEqual([]);
  return checkpoint.latest;
}

export function nameOf(resource: Pick<StoredResource, 'urn' | 'type'>): string {
  return resource.type === 'pulumi:pulumi:Stack' ? 'stack' : resource.urn.split('::').slice(3).join('::');
}

/** A promise and its keys. */
export function gate(): { readonly opened: Promise<undefined>; readonly open: () => void } {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  return {
    opened: promise,
    open: () => {
      resolve(undefined);
    },
  };
}

/** Waits until the condition holds; fails after five seconds. */
export async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + 5_000;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`waited in vain for ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function hasPulumi(): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, 'pulumi'), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { LocalWorkspace, Stack } from '@pulumi/pulumi/automation/index.js';
import type { ChosenEngine, EngineName } from './engine.ts';
import { chooseEngine } from './engine.ts';
import { translateError } from './errors.ts';
import type { EngineEvent } from './events.ts';
import { watchEvents } from './events.ts';

/** What a stack is opened with. */
export interface StackOptions {
  readonly name: string;
  readonly project: string;
  /** What the stack shall consist of; what it returns are the stack's outputs. */
  readonly program: () => Promise<Record<string, unknown>>;
  /** Folder of the state: Pulumi's DIY backend puts its `.pulumi` folder there. */
  readonly backendDir: string;
  /** Another backend than that folder, for the `pulumi` binary only; its credentials are the environment's. */
  readonly backendUrl?: string;
  /** Folder of this stack's Pulumi.yaml; made if missing. Each stack has its own. */
  readonly workDir: string;
  readonly engine: EngineName;
  /** Opens the secrets of the state; handed to the engine only, never to this process's environment. */
  readonly passphrase: string;
  /** Addresses of running providers, `127.0.0.1:PORT` by package. */
  readonly providers: Readonly<Record<string, string>>;
  /** Configuration, `namespace:key` to text. */
  readonly config?: Readonly<Record<string, string>>;
  /** Bound in milliseconds on a provider call whose resource sets no timeout (embedded engine only). */
  readonly callMs?: number;
  /** Called with the text of each state file once it is on disk (embedded engine only). */
  readonly onCheckpoint?: (text: string) => void;
}

/** What a destroy left on record. */
export interface Destroyed {
  /** URNs of creates that were interrupted and whose objects were not found again: they may exist unseen. */
  readonly unresolved: readonly string[];
}

/** An open stack, whichever engine works on it. What fails rejects with PulumiError. */
export interface OpenStack {
  /** Brings about what the program registers and returns its outputs. Aborting finishes what runs and starts nothing new. */
  up(signal: AbortSignal, onEvent: (event: EngineEvent) => void): Promise<Readonly<Record<string, unknown>>>;
  /** Deletes every resource, dependents first; one that fails does not stop the others. */
  destroy(onEvent: (event: EngineEvent) => void): Promise<Destroyed>;
  /** Removes the stack with its history. Refuses while resources remain. */
  remove(): Promise<void>;
  /** Breaks the stack's lock after an operation was killed. */
  cancel(): Promise<void>;
  /** Ends at once what may still run; what is under way stays on record as pending (embedded engine only). */
  terminate(): void;
}

/** Opens a stack, making it if it is not there. */
export async function openStack(options: StackOptions): Promise<OpenStack> {
  const engine = await chooseEngine(options.engine, {
    providers: options.providers,
    ...(options.callMs === undefined ? {} : { callMs: options.callMs }),
    ...(options.onCheckpoint === undefined ? {} : { onCheckpoint: options.onCheckpoint }),
  });
  const guard = guardOf(options.name);
  const stack = await guard([], async () => Stack.createOrSelect(options.name, await openWorkspace(options, engine)));
  // The SDK asks for the history after each operation, another process with the cli engine; nobody here reads it.
  stack.info = () => Promise.resolve(undefined);
  return {
    up: async (signal, onEvent) => {
      const events = watchEvents(onEvent);
      const { outputs } = await guard(events.errors, () => stack.up({ signal, onEvent: events.take }));
      return Object.fromEntries(Object.entries(outputs).map(([key, output]) => [key, output.value as unknown]));
    },
    destroy: async (onEvent) => {
      const events = watchEvents(onEvent);
      await guard(events.errors, () => stack.destroy({ onEvent: events.take, continueOnError: true }));
      return { unresolved: await guard([], () => unresolvedCreates(stack)) };
    },
    remove: () => guard([], () => stack.workspace.removeStack(options.name)),
    cancel: () => guard([], () => stack.cancel()),
    terminate: engine.terminate,
  };
}

async function openWorkspace(options: StackOptions, engine: ChosenEngine): Promise<LocalWorkspace> {
  await mkdir(options.workDir, { recursive: true, mode: 0o700 });
  await mkdir(options.backendDir, { recursive: true, mode: 0o700 });
  return LocalWorkspace.create({
    pulumiCommand: engine.command,
    workDir: options.workDir,
    pulumiHome: join(options.workDir, 'home'),
    program: options.program,
    projectSettings: {
      name: options.project,
      runtime: 'nodejs',
      backend: { url: backendOf(options) },
    },
    stackSettings: { [options.name]: options.config === undefined ? {} : { config: { ...options.config } } },
    envVars: environmentOf(options),
  });
}

/** What both engines read; the variables after the providers only save the binary needless work. */
function environmentOf(options: StackOptions): Record<string, string> {
  const ports = Object.entries(options.providers).map(
    ([name, address]) => `${name}:${address.slice(address.lastIndexOf(':') + 1)}`,
  );
  return {
    PULUMI_CONFIG_PASSPHRASE: options.passphrase,
    PULUMI_BACKEND_URL: backendOf(options),
    PULUMI_DEBUG_PROVIDERS: ports.join(','),
    PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS: 'true',
    PULUMI_SKIP_UPDATE_CHECK: '1',
  };
}

function backendOf({ backendUrl, backendDir }: StackOptions): string {
  return backendUrl ?? pathToFileURL(backendDir).href;
}

/** Runs a call of the Automation API and translates what it throws. */
function guardOf(
  name: string,
): <T>(errors: Parameters<typeof translateError>[2], call: () => Promise<T>) => Promise<T> {
  return async (errors, call) => {
    try {
      return await call();
    } catch (error) {
      throw translateError(error, name, errors);
    }
  };
}

/** Components, the stack and providers have no object outside, so an interrupted create of one is harmless. */
async function unresolvedCreates(stack: Stack): Promise<readonly string[]> {
  const { deployment } = (await stack.exportStack()) as { deployment: ExportedDeployment | null };
  const creates = (deployment?.pending_operations ?? []).filter(({ type }) => type === 'creating');
  return creates
    .filter(({ resource }) => resource.custom && !resource.type.startsWith('pulumi:providers:'))
    .map(({ resource }) => resource.urn);
}

interface ExportedDeployment {
  readonly pending_operations?: readonly {
    readonly type: string;
    readonly resource: { readonly urn: string; readonly type: string; readonly custom: boolean };
  }[];
}

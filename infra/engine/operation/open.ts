import type { Invocation } from '../commands/arguments.ts';
import { attachedProviders } from '../provider/attached.ts';
import { Checkpoint } from '../state/checkpoint.ts';
import type { Codec } from '../state/codec.ts';
import type { Configuration } from '../commands/configuration.ts';
import { openConfiguration } from '../commands/configuration.ts';
import { engineHandlers } from '../program/engine-service.ts';
import { EngineError } from '../errors.ts';
import type { EngineEvent } from '../run/event-log.ts';
import { openEventLog } from '../run/event-log.ts';
import { writeDurably } from '../backend/files.ts';
import type { OperationKind } from '../backend/history.ts';
import { engineRpc } from '../protocol/messages.ts';
import { Providers } from '../provider/providers.ts';
import { pendingWarning } from './recover.ts';
import { Reporter } from '../run/reporter.ts';
import { serve } from '../protocol/rpc.ts';
import { Run } from '../run/run.ts';
import type { OpenedStack } from '../state/stack-file.ts';
import { openStackFile } from '../state/stack-file.ts';
import type { StackSettings, Workspace } from '../commands/workspace.ts';

/** What the embedded engine lets its owner set. */
export interface OperationOptions {
  /** Addresses of providers, `HOST:PORT` by package; PULUMI_DEBUG_PROVIDERS adds to them. */
  readonly providers: Readonly<Record<string, string>>;
  /** Bound in milliseconds on a provider call whose resource sets no timeout. */
  readonly callMs: number;
  /** Called with each state file's text once it is on disk. */
  readonly onCheckpoint: ((text: string) => void) | undefined;
}

/** One call of up, preview, refresh or destroy. */
export interface OperationRequest {
  readonly workspace: Workspace;
  readonly invocation: Invocation;
  readonly stack: string;
  readonly options: OperationOptions;
  /** Finish what runs, start nothing new. */
  readonly cancel: AbortSignal;
  /** Stop waiting: what runs may finish, but nobody records it. */
  readonly terminate: AbortSignal;
  readonly display: (event: EngineEvent) => void;
}

/** Everything open during an operation. */
export interface Opened {
  readonly request: OperationRequest;
  readonly kind: OperationKind;
  readonly preview: boolean;
  readonly run: Run;
  readonly engineAddress: string;
  readonly settings: StackSettings;
  readonly codec: Codec;
  readonly started: number;
  /** Lets go of the provider connections at once: calls under way end without an answer. */
  readonly disconnect: () => void;
  /** Tells the providers that it is over, ends the event stream, closes everything. */
  readonly close: () => Promise<void>;
}

const KINDS: Readonly<Record<string, OperationKind>> = {
  up: 'update',
  preview: 'preview',
  refresh: 'refresh',
  destroy: 'destroy',
};

/** How many steps run at once unless the caller says otherwise; never 1, which would make the SDK serialise all stacks of the process. */
const PARALLEL = 16;

/** Reads the state, connects to the listener of events and gets ready for providers. Nothing is changed yet. */
export async function openOperation(
  request: OperationRequest,
  preview: boolean,
  warnings: readonly string[],
): Promise<Opened> {
  const { invocation, options } = request;
  const started = Math.floor(Date.now() / 1000);
  const kind = KINDS[invocation.command] ?? 'update';
  const found = await readAll(request);
  const reporter = new Reporter(openEventLog(invocation.values.get('--event-log'), request.display), preview);
  reporter.prelude(found.configuration.shown);
  for (const warning of warnings) reporter.diagnostic('warning', warning);
  const { pending, resources: base, codec } = found.state;
  if (pending.length > 0 && !preview && !invocation.switches.has('--refresh') && kind !== 'refresh')
    reporter.diagnostic('warning', pendingWarning(pending));
  const engine = await serve([[engineRpc.EngineService, engineHandlers(reporter)]]);
  const engineAddress = engine.address;
  const providers = new Providers({ addresses: found.addresses, engineAddress, callMs: options.callMs, base });
  const run = openRun(request, found, { preview, providers, reporter });
  const disconnect = (): void => {
    providers.close();
  };
  const close = async (): Promise<void> => {
    await providers.cancel();
    await reporter.close();
    providers.close();
    engine.close();
  };
  return { request, kind, preview, run, engineAddress, settings: found.settings, codec, started, disconnect, close };
}

/** What an operation is told and finds. */
interface Found {
  readonly parallel: number;
  readonly addresses: ReadonlyMap<string, string>;
  readonly settings: StackSettings;
  readonly state: OpenedStack;
  readonly configuration: Configuration;
}

/** Whatever can be refused is refused here, before anything is open that would have to be closed. */
async function readAll({ workspace, invocation, stack, options }: OperationRequest): Promise<Found> {
  const settings = await workspace.settings(stack);
  return {
    parallel: readParallel(invocation),
    addresses: attachedProviders(options.providers, workspace.variable('PULUMI_DEBUG_PROVIDERS')),
    settings,
    state: await openStackFile(workspace.files(stack), await workspace.passphrase(), settings.encryptionsalt),
    configuration: await openConfiguration(workspace, settings),
  };
}

function readParallel(invocation: Invocation): number {
  const parallel = Number(invocation.values.get('--parallel') ?? PARALLEL);
  if (Number.isInteger(parallel) && parallel > 0) return parallel;
  throw new EngineError('refused', `expected a positive number after --parallel, got ${String(parallel)}`);
}

interface Parts {
  readonly preview: boolean;
  readonly providers: Providers;
  readonly reporter: Reporter;
}

function openRun(request: OperationRequest, { parallel, state, configuration }: Found, parts: Parts): Run {
  const { workspace, invocation, stack, options } = request;
  const { project } = workspace;
  const files = workspace.files(stack);
  const save = async (text: string): Promise<void> => {
    await writeDurably(files.state, text, { keepPrevious: files.previous });
    options.onCheckpoint?.(text);
  };
  const checkpoint = new Checkpoint({
    stack: `organization/${project}/${stack}`,
    base: state.resources,
    pending: state.pending,
    codec: state.codec,
    save: parts.preview ? undefined : save,
  });
  return new Run(
    {
      ...parts,
      stack,
      project,
      continueOnError: invocation.switches.has('--continue-on-error'),
      parallel,
      config: configuration.values,
      secretKeys: configuration.secretKeys,
      checkpoint,
    },
    state.resources,
  );
}

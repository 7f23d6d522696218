import type { Invocation } from '../commands/arguments.ts';
import { attachedProviders } from '../provider/attached.ts';
import { Checkpoint } from '../state/checkpoint.ts';
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
  const { workspace, invocation, stack, options } = request;
  const started = Math.floor(Date.now() / 1000);
  const kind = KINDS[invocation.command] ?? 'update';
  const files = workspace.files(stack);
  const settings = await workspace.settings(stack);
  const state = await openStackFile(files.state, stack, await workspace.passphrase(), settings.encryptionsalt);
  const configuration = await openConfiguration(workspace, settings);
  const reporter = new Reporter(openEventLog(invocation.values.get('--event-log'), request.display), preview);
  reporter.prelude(configuration.shown);
  for (const warning of warnings) reporter.diagnostic('warning', warning);
  if (state.pending.length > 0 && !preview && !invocation.switches.has('--refresh') && kind !== 'refresh') {
    reporter.diagnostic('warning', pendingWarning(state.pending));
  }
  const engine = await serve([[engineRpc.EngineService, engineHandlers(reporter)]]);
  const addresses = attachedProviders(options.providers, workspace.variable('PULUMI_DEBUG_PROVIDERS'));
  const providers = new Providers({
    addresses,
    engineAddress: engine.address,
    callMs: options.callMs,
    base: state.resources,
  });
  const save = async (text: string): Promise<void> => {
    await writeDurably(files.state, text, { keepPrevious: files.previous });
    options.onCheckpoint?.(text);
  };
  const run = openRun(request, {
    preview,
    state,
    configuration,
    providers,
    reporter,
    save: preview ? undefined : save,
  });
  const disconnect = (): void => {
    providers.close();
  };
  const close = async (): Promise<void> => {
    await providers.cancel();
    await reporter.close();
    providers.close();
    engine.close();
  };
  return { request, kind, preview, run, engineAddress: engine.address, settings, started, disconnect, close };
}

interface Parts {
  readonly preview: boolean;
  readonly state: OpenedStack;
  readonly configuration: Configuration;
  readonly providers: Providers;
  readonly reporter: Reporter;
  readonly save: ((text: string) => Promise<void>) | undefined;
}

function openRun(request: OperationRequest, parts: Parts): Run {
  const { workspace, invocation, stack } = request;
  const parallel = Number(invocation.values.get('--parallel') ?? PARALLEL);
  if (!Number.isInteger(parallel) || parallel < 1)
    throw new EngineError('refused', `expected a positive number after --parallel, got ${String(parallel)}`);
  const checkpoint = new Checkpoint({
    stack: `organization/${workspace.project}/${stack}`,
    base: parts.state.resources,
    pending: parts.state.pending,
    codec: parts.state.codec,
    save: parts.save,
  });
  return new Run(
    {
      stack,
      project: workspace.project,
      preview: parts.preview,
      continueOnError: invocation.switches.has('--continue-on-error'),
      parallel,
      config: parts.configuration.values,
      secretKeys: parts.configuration.secretKeys,
      checkpoint,
      providers: parts.providers,
      reporter: parts.reporter,
    },
    parts.state.resources,
  );
}

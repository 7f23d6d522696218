import { setTimeout as sleep } from 'node:timers/promises';
import type * as z from 'zod';
import { loadConfiguration } from '../../configuration.ts';
import type { Environment } from '../../environment.ts';
import { explain, RequestError } from '../../errors.ts';
import { type OperationContext, type OperationName, OPERATIONS } from '../../operations/index.ts';
import { openOrchestrator, type Orchestrator } from '../../orchestrator.ts';
import { askOwner } from '../control/ask.ts';
import { serveControl } from '../control/serve.ts';
import type { OpenFor } from '../../run/open-deps.ts';
import type { ObserveRun } from '../../run/progress.ts';
import type { SetupEvent } from '../../setup/item.ts';

export type ResultOf<Name extends OperationName> = z.output<(typeof OPERATIONS)[Name]['result']>;
export type ArgsOf<Name extends OperationName> = z.input<(typeof OPERATIONS)[Name]['args']>;

/** Who watches a command while it works, and what stops it. */
export interface Watch {
  readonly observe: ObserveRun;
  readonly observeSetup: (event: SetupEvent) => void;
  readonly signal: AbortSignal;
  /** Takes what is to be closed after the result is shown: the data directory stays open while runs of other processes are conducted in it. */
  readonly closing?: AsyncDisposableStack;
}

/** Whoever holds the data directory only to look at it is done in a second or two. */
const PATIENCE_MS = 5_000;
/** Whoever has just taken it opens a journal, and may have to burn what another left, before it answers anybody. */
const CONDUCTING_PATIENCE_MS = 60_000;
/** An owner that says it is leaving ends with what it conducts: as long as a run of the usual length lives, and its burn. */
const LEAVING_PATIENCE_MS = 15 * 60_000;
const PAUSE_MS = 200;

/**
 * Calls one operation: parses its arguments, opens the data directory if and when it asks for it, and closes everything behind it.
 * Where another process holds the data directory, that process is asked to do it. One that dies over it leaves a run, which is then burned here;
 * one that is leaving takes no more, and its place is waited for: whoever waits longest need not be first, but each becomes the owner or is
 * conducted by it.
 */
export async function callOperation<Name extends OperationName>(
  name: Name,
  args: ArgsOf<Name>,
  environment: Environment,
  watch: Watch,
  patienceMs = patienceOf(name, environment),
): Promise<ResultOf<Name>> {
  const { access, result, ...operation } = OPERATIONS[name];
  const { answerWithinMs, whenBusy } = operation as BusyRules;
  const parsed = parseArgs(operation.args, args);
  const since = performance.now();
  let until = since + patienceMs;
  let runId: string | undefined;
  const observe: ObserveRun = (event) => {
    if (event.type === 'admitted') runId = event.runId;
    watch.observe(event);
  };
  for (;;) {
    try {
      return await attempt(name, parsed, environment, watch);
    } catch (error) {
      if (access === 'none' || explain(error).code !== 'home_busy') throw error;
      const withinMs = access === 'conducting' ? 0 : answerWithinMs;
      const request = { operation: name, args: parsed, requester: environment.requester };
      const asking = { observe, signal: watch.signal, ...(withinMs !== undefined && { withinMs }) };
      const answered = await askOwner(environment.home, request, asking);
      if (answered === 'leaving') {
        if (until < since + LEAVING_PATIENCE_MS) sayLeaving(watch);
        until = since + LEAVING_PATIENCE_MS;
      } else if (answered !== undefined) return result.parse(answered.ok) as ResultOf<Name>;
      if (runId !== undefined) return (await endOrphan(runId, environment, watch)) as ResultOf<Name>;
      if (watch.signal.aborted) throw stopped(error);
      if (performance.now() > until) {
        if (whenBusy === undefined) throw error;
        return (await whenBusy(parsed, contextOf(environment, watch))) as ResultOf<Name>;
      }
      await sleep(PAUSE_MS);
    }
  }
}

function patienceOf(name: OperationName, { rig }: Environment): number {
  return OPERATIONS[name].access === 'conducting' ? (rig?.patienceMs ?? CONDUCTING_PATIENCE_MS) : PATIENCE_MS;
}

async function attempt<Name extends OperationName>(
  name: Name,
  parsed: unknown,
  environment: Environment,
  watch: Watch,
): Promise<ResultOf<Name>> {
  const operation = OPERATIONS[name];
  await using opened = new AsyncDisposableStack();
  const context = opened.use(openOnDemand(environment, watch, operation.access === 'conducting'));
  // Each operation was parsed by its own schema; the union over all of them loses which belongs to which.
  const run = operation.run as (args: unknown, context: OperationContext) => Promise<ResultOf<Name>>;
  const result = await run(parsed, context);
  watch.closing?.use(opened.move());
  return result;
}

/** A run whose conductor died: burned by whoever has the data directory now, this process or another. */
async function endOrphan(runId: string, environment: Environment, watch: Watch): Promise<unknown> {
  try {
    return await callOperation('cancel', { run: runId }, environment, watch, CONDUCTING_PATIENCE_MS);
  } catch (error) {
    if (explain(error).code !== 'not_running') throw error;
    return callOperation('show', { run: runId }, environment, watch, CONDUCTING_PATIENCE_MS);
  }
}

/** The part of an operation that not every one has. */
interface BusyRules {
  readonly answerWithinMs?: number;
  readonly whenBusy?: (args: unknown, context: OperationContext) => Promise<unknown>;
}

function parseArgs(schema: z.ZodType, args: unknown): unknown {
  const parsed = schema.safeParse(args);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new RequestError('bad_argument', {
    expected: `${issue?.path.join('.') ?? 'the arguments'} to be right`,
    got: issue?.message ?? 'something else',
    hint: 'see --help',
  });
}

function contextOf(environment: Environment, watch: Watch): OperationContext {
  const { observe, observeSetup, signal } = watch;
  const open = (): Promise<Orchestrator> => openConfigured(environment, 'queries');
  return { environment, observe, observeSetup, signal, open };
}

function openOnDemand(environment: Environment, watch: Watch, conducts: boolean): AsyncDisposable & OperationContext {
  const stack = new AsyncDisposableStack();
  let orchestrator: Promise<Orchestrator> | undefined;
  const open = async (): Promise<Orchestrator> => {
    const opened = stack.use(await openConfigured(environment, conducts ? 'runs' : 'queries'));
    if (conducts) {
      const control = stack.use(
        await serveControl(environment.home, { ...context, open: () => Promise.resolve(opened) }),
      );
      stack.defer(() => {
        sayWhatIsLeft(control.conducting(), watch);
      });
    }
    return opened;
  };
  const context = { ...contextOf(environment, watch), open: () => (orchestrator ??= open()) };
  return { ...context, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

async function openConfigured(environment: Environment, purpose: OpenFor): Promise<Orchestrator> {
  return openOrchestrator(environment, await loadConfiguration(environment.home), purpose);
}

/** Stopped while it waited: nothing of it ever was. */
function stopped(cause: unknown): RequestError {
  const said = {
    expected: 'to wait for the process that has the data directory',
    got: 'a request to stop',
    hint: 'nothing was begun',
  };
  return new RequestError('cancelled', said, { cause });
}

function sayLeaving({ observe }: Watch): void {
  const text = 'the process that has the data directory is ending with what it conducts: waiting for its place';
  observe({ type: 'notice', runId: '', text });
}

function sayWhatIsLeft(runs: number, { observe }: Watch): void {
  if (runs === 0) return;
  const what = runs === 1 ? 'one run' : `${runs} runs`;
  observe({ type: 'notice', runId: '', text: `${what} of other processes are conducted here: ending with the last` });
}

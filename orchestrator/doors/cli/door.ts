import type * as z from 'zod';
import { loadConfiguration } from '../../configuration.ts';
import type { Environment } from '../../environment.ts';
import { explain, RequestError } from '../../errors.ts';
import { type OperationContext, type OperationName, OPERATIONS } from '../../operations/index.ts';
import { openOrchestrator, type Orchestrator } from '../../orchestrator.ts';
import { askOwner } from '../control/ask.ts';
import { serveControl } from '../control/serve.ts';
import type { ObserveRun } from '../../run/progress.ts';
import type { SetupEvent } from '../../setup/item.ts';

export type ResultOf<Name extends OperationName> = z.output<(typeof OPERATIONS)[Name]['result']>;
export type ArgsOf<Name extends OperationName> = z.input<(typeof OPERATIONS)[Name]['args']>;

/** Who watches a command while it works, and what stops it. */
export interface Watch {
  readonly observe: ObserveRun;
  readonly observeSetup: (event: SetupEvent) => void;
  readonly signal: AbortSignal;
}

/**
 * Calls one operation: parses its arguments, opens the data directory if and when it asks for it, and closes everything behind it.
 * Where another process holds the data directory, shared operations are asked of that process.
 */
export async function callOperation<Name extends OperationName>(
  name: Name,
  args: ArgsOf<Name>,
  environment: Environment,
  watch: Watch,
): Promise<ResultOf<Name>> {
  const operation = OPERATIONS[name];
  const parsed = parseArgs(operation.args, args);
  await using opened = openOnDemand(environment, watch, operation.access === 'exclusive');
  try {
    // Each operation was parsed by its own schema; the union over all of them loses which belongs to which.
    const run = operation.run as (args: unknown, context: OperationContext) => Promise<ResultOf<Name>>;
    return await run(parsed, opened.context);
  } catch (error) {
    if (operation.access !== 'shared' || explain(error).code !== 'home_busy') throw error;
    const { answerWithinMs, whenBusy } = operation as BusyRules;
    const answered = await askOwner(environment.home, name, parsed, answerWithinMs);
    if (answered !== undefined) return operation.result.parse(answered.ok) as ResultOf<Name>;
    if (whenBusy === undefined) throw error;
    return (await whenBusy(parsed, opened.context)) as ResultOf<Name>;
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

function openOnDemand(
  environment: Environment,
  watch: Watch,
  exclusive: boolean,
): AsyncDisposable & { readonly context: OperationContext } {
  const stack = new AsyncDisposableStack();
  let orchestrator: Promise<Orchestrator> | undefined;
  const open = async (): Promise<Orchestrator> => {
    const opened = stack.use(
      await openOrchestrator(environment, await loadConfiguration(environment.home), exclusive ? 'runs' : 'queries'),
    );
    if (exclusive) stack.use(await serveControl(environment.home, { ...context, open: () => Promise.resolve(opened) }));
    return opened;
  };
  const context: OperationContext = { environment, ...watch, open: () => (orchestrator ??= open()) };
  return { context, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

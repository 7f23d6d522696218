import type * as z from 'zod';
import type { Environment } from '../environment.ts';
import type { Orchestrator } from '../orchestrator.ts';
import type { ObserveRun } from '../run/progress.ts';
import type { SetupEvent } from '../setup/item.ts';

/**
 * One thing a caller can do. Doors loop over the list of them (index.ts): they parse what came in, call `run`, and show what comes out.
 *
 * access   `none`: needs no data directory. `shared`: needs the journal. `conducting`: needs everything a run needs, for as long as the run
 *          lasts. While another process holds the data directory, that process does it, asked over its control socket.
 */
export interface Operation<Args extends z.ZodType, Result extends z.ZodType> {
  readonly name: string;
  readonly summary: string;
  readonly access: 'none' | 'shared' | 'conducting';
  readonly args: Args;
  /** The documented schema of what `--json` prints. */
  readonly result: Result;
  readonly run: (args: z.output<Args>, context: OperationContext) => Promise<z.output<Result>>;
  /** How long the owner may take to answer, where less than usual. */
  readonly answerWithinMs?: number;
  /** What is done instead while another process holds the data directory and does not answer. Without it, that is an error. */
  readonly whenBusy?: (args: z.output<Args>, context: OperationContext) => Promise<z.output<Result>>;
}

export interface OperationContext {
  readonly environment: Environment;
  /** The opened data directory; throws HomeLockError where another process holds it. */
  readonly open: () => Promise<Orchestrator>;
  readonly observe: ObserveRun;
  readonly observeSetup: (event: SetupEvent) => void;
  /** Aborts when the caller wants to stop: a run is then cancelled, and still collected and burned. */
  readonly signal: AbortSignal;
}

/** Ties the two schemas to the function: what `run` takes and gives is what they say. */
export function operation<Args extends z.ZodType, Result extends z.ZodType>(
  one: Operation<Args, Result>,
): Operation<Args, Result> {
  return one;
}

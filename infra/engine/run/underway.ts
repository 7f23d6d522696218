import { withTimeout } from '../protocol/deadline.ts';

/** The part of an operation that whoever cancels the stack can reach. */
interface Underway {
  readonly cancel: AbortController;
  readonly terminate: AbortController;
  readonly ended: Promise<undefined>;
}

/** What this process does to which state file. The lock lets at most one operation in; several engines share this. */
const UNDERWAY = new Map<string, Underway>();

/** How long a cancelled operation may take to finish what runs, before it is terminated. */
const GRACE_MS = 30_000;

/** Makes an operation on a state file known until `leave`; its signals abort when someone cancels the stack. */
export function enter(state: string): {
  readonly cancel: AbortSignal;
  readonly terminate: AbortSignal;
  readonly leave: () => void;
} {
  const { promise: ended, resolve } = Promise.withResolvers<undefined>();
  const entry: Underway = { cancel: new AbortController(), terminate: new AbortController(), ended };
  UNDERWAY.set(state, entry);
  return {
    cancel: entry.cancel.signal,
    terminate: entry.terminate.signal,
    leave: () => {
      if (UNDERWAY.get(state) === entry) UNDERWAY.delete(state);
      resolve(undefined);
    },
  };
}

/** Cancels this process's operation on a state file, if there is one, and waits until it has ended. */
export async function endUnderway(state: string): Promise<void> {
  const entry = UNDERWAY.get(state);
  if (entry === undefined) return;
  entry.cancel.abort();
  if ((await withTimeout(entry.ended, GRACE_MS)) === 'in time') return;
  entry.terminate.abort();
  await entry.ended;
}

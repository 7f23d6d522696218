/** More in one statement saves nothing more, and is lost at once if it fails. */
const BATCH_MAX = 64;

interface Asked<A, R> {
  readonly what: A;
  readonly resolve: (result: R) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Group commit: what is asked while a statement is under way goes together into the next one, which is on disk for all of them or for none.
 * Nobody waits to be joined by others. `carryOut` gives one result for each, in their order. A statement that fails is tried for each alone,
 * so that nobody pays for what another one asked.
 */
export function inBatches<A, R>(carryOut: (asked: readonly A[]) => Promise<readonly R[]>): (what: A) => Promise<R> {
  const waiting: Asked<A, R>[] = [];
  let isBusy = false;
  const work = async (): Promise<void> => {
    isBusy = true;
    while (waiting.length > 0) await answer(waiting.splice(0, BATCH_MAX), carryOut);
    isBusy = false;
  };
  return (what) =>
    new Promise<R>((resolve, reject) => {
      waiting.push({ what, resolve, reject });
      if (!isBusy) void work();
    });
}

async function answer<A, R>(
  batch: readonly Asked<A, R>[],
  carryOut: (asked: readonly A[]) => Promise<readonly R[]>,
): Promise<void> {
  try {
    const results = await carryOut(batch.map(({ what }) => what));
    for (const [index, { resolve }] of batch.entries()) resolve(results[index] as R);
  } catch (error) {
    if (batch.length === 1) batch[0]?.reject(error);
    else for (const one of batch) await answer([one], carryOut);
  }
}

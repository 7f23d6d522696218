import type { OperationContext } from './operation.ts';

/** What is being done, for what, and about how long it takes. */
export interface WatchedItem {
  readonly item: string;
  readonly why: string;
  readonly seconds: number;
}

/** Does something that takes its time, and tells it as setup tells its items: that it begins, each step of it, how it ended. */
export async function watchedItem<T>(
  { observeSetup }: OperationContext,
  { item, why, seconds }: WatchedItem,
  work: (say: (what: string) => void) => Promise<T>,
): Promise<T> {
  const startedAt = performance.now();
  const end = (status: 'fixed' | 'failed', what: string) => {
    const durationMs = performance.now() - startedAt;
    observeSetup({ type: 'item_ended', item, result: { item, status, why, what, durationMs } });
  };
  observeSetup({ type: 'item_started', item, why, expectedSeconds: seconds });
  let steps = 0;
  try {
    const result = await work((what) => {
      steps += 1;
      observeSetup({ type: 'item_progress', item, what });
    });
    end('fixed', `${why}: done, ${steps} steps`);
    return result;
  } catch (error) {
    end('failed', `${why}: stopped after ${steps} steps`);
    throw error;
  }
}

/** How long to wait, and what ends the wait early. */
export interface Patience {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** The error when the time is up. */
  readonly onTimeout: () => Error;
  /** The error when the signal aborts. */
  readonly onAbort: (signal: AbortSignal) => Error;
}

/** A promise that settles by its deadline, whatever happens; `start` may settle it before. Timer and listener are gone afterwards. */
export async function waitFor<T>(
  { timeoutMs, signal, onTimeout, onAbort }: Patience,
  start: (resolve: (value: T) => void, reject: (error: Error) => void) => void,
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const timer = setTimeout(() => {
    reject(onTimeout());
  }, timeoutMs);
  const abort = () => {
    if (signal !== undefined) reject(onAbort(signal));
  };
  signal?.addEventListener('abort', abort, { once: true });
  try {
    if (signal?.aborted === true) abort();
    else start(resolve, reject);
    return await promise;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}

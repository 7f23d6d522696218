/**
 * Writes one thing at a time, and once for all who asked while a write was under way: with many steps in flight the
 * number of writes stays that of the slowest, not of their sum.
 */
export class Writer {
  readonly #save: () => Promise<void>;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  /** `save` takes its picture of the state when it is called, or later. */
  constructor(save: () => Promise<void>) {
    this.#save = save;
  }

  /** Resolves when everything that is true now is written; rejects if that write failed. */
  write(): Promise<void> {
    if (this.#next !== undefined) return this.#next;
    if (this.#running === undefined) return this.#start();
    this.#next = this.#running.then(
      () => this.#startNext(),
      () => this.#startNext(),
    );
    return this.#next;
  }

  /** Resolves when nothing is being written and nothing waits to be. */
  async settled(): Promise<void> {
    while (this.#running !== undefined || this.#next !== undefined)
      await (this.#next ?? this.#running)?.catch(() => undefined);
  }

  #start(): Promise<void> {
    const run = this.#save().finally(() => {
      if (this.#running === run) this.#running = undefined;
    });
    this.#running = run;
    return run;
  }

  #startNext(): Promise<void> {
    this.#next = undefined;
    return this.#start();
  }
}

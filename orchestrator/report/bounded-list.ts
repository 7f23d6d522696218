/** Entries by key, each counted, up to a number of them: a script that does a thing a million times, or a million things, fills no memory. */
export class BoundedList<T extends { times: number }> {
  readonly #entries = new Map<string, T>();
  readonly #max: number;
  #leftOut = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** Counts one more of what `key` names; `make` is asked for the first. Undefined when the list is full. */
  add(key: readonly (string | number | null)[], make: () => T): T | undefined {
    const name = JSON.stringify(key);
    const known = this.#entries.get(name);
    const entry = known ?? (this.#entries.size < this.#max ? make() : undefined);
    if (entry === undefined) {
      this.#leftOut++;
      return undefined;
    }
    if (known === undefined) this.#entries.set(name, entry);
    entry.times++;
    return entry;
  }

  get entries(): T[] {
    return [...this.#entries.values()];
  }

  /** How many times something found the list full. */
  get leftOut(): number {
    return this.#leftOut;
  }
}

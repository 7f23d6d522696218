import { QueueError } from './error.ts';

/** What is shared out among runs. */
export interface Limits {
  /** Sandboxes at once. */
  readonly runs: number;
  /** Memory of all their guests together. */
  readonly memoryMiB: number;
  /** Runs of one requester that wait at once. */
  readonly waiting: number;
}

export interface AskedPlace {
  readonly requester: string;
  readonly memoryMiB: number;
  /** Told once, when there is no place yet: how many wait before this one. */
  readonly onWait?: (before: number) => void;
}

/** Room for one sandbox, until it is given back. */
export interface Place {
  /** Safe to call again. */
  giveBack(): void;
}

interface Waiting {
  readonly memoryMiB: number;
  readonly admit: () => void;
}

/**
 * Places for sandboxes: a number and an amount of memory, and a fair queue before them. Requesters take turns, one run each; the runs of one
 * requester come in the order they were asked for. Nobody overtakes whoever's turn it is: a large run waits until it fits, and the others
 * wait behind it, so that it does come.
 */
export class Places {
  readonly #limits: Limits;
  /** In the order of their turns; whoever was served goes to the end. */
  readonly #turns = new Map<string, Waiting[]>();
  #runs = 0;
  #memoryMiB = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** How many sandboxes there are, and how many runs wait. */
  get load(): { readonly runs: number; readonly memoryMiB: number; readonly waiting: number } {
    return { runs: this.#runs, memoryMiB: this.#memoryMiB, waiting: this.#countWaiting() };
  }

  /** Resolves with a place when there is one and it is this run's turn. Rejects with QueueError, or with the signal's reason. */
  async take(asked: AskedPlace, signal: AbortSignal): Promise<Place> {
    signal.throwIfAborted();
    const { requester, memoryMiB } = asked;
    if (memoryMiB > this.#limits.memoryMiB) throw tooLarge(asked, this.#limits);
    const own = this.#turns.get(requester) ?? [];
    if (own.length >= this.#limits.waiting) throw full(requester, this.#limits);
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const waiting = {
      memoryMiB,
      admit: () => {
        resolve(undefined);
      },
    };
    const before = this.#countWaiting();
    own.push(waiting);
    this.#turns.set(requester, own);
    const leave = (): void => {
      // One that was admitted just now has its place, and gives it back like any other.
      if (!own.includes(waiting)) return;
      own.splice(own.indexOf(waiting), 1);
      if (own.length === 0) this.#turns.delete(requester);
      reject(signal.reason as Error);
      this.#serve();
    };
    signal.addEventListener('abort', leave, { once: true });
    this.#serve();
    if (own.includes(waiting)) asked.onWait?.(before);
    await promise.finally(() => {
      signal.removeEventListener('abort', leave);
    });
    return this.#placeOf(memoryMiB);
  }

  #placeOf(memoryMiB: number): Place {
    let isTaken = true;
    return {
      giveBack: () => {
        if (!isTaken) return;
        isTaken = false;
        this.#runs -= 1;
        this.#memoryMiB -= memoryMiB;
        this.#serve();
      },
    };
  }

  #serve(): void {
    for (const [requester, own] of this.#turns) {
      const [first] = own;
      if (first === undefined || !this.#fits(first.memoryMiB)) return;
      own.shift();
      this.#turns.delete(requester);
      if (own.length > 0) this.#turns.set(requester, own);
      this.#runs += 1;
      this.#memoryMiB += first.memoryMiB;
      first.admit();
    }
  }

  #fits(memoryMiB: number): boolean {
    return this.#runs < this.#limits.runs && this.#memoryMiB + memoryMiB <= this.#limits.memoryMiB;
  }

  #countWaiting(): number {
    return [...this.#turns.values()].reduce((sum, { length }) => sum + length, 0);
  }
}

function tooLarge({ memoryMiB }: AskedPlace, limits: Limits): QueueError {
  return new QueueError('too_large', {
    expected: `a sandbox of at most ${limits.memoryMiB} MiB, which is what all together may have here`,
    got: `${memoryMiB} MiB`,
    hint: 'choose a smaller profile, or raise limits.memory_mib in config.json',
  });
}

function full(requester: string, { waiting }: Limits): QueueError {
  return new QueueError('queue_full', {
    expected: `at most ${waiting} runs of ${requester} to wait`,
    got: 'one more',
    hint: 'ask again when some of them are done, or raise limits.waiting in config.json',
  });
}

import type { Checkpoint } from '../state/checkpoint.ts';
import { Pool } from './pool.ts';
import type { Providers } from '../provider/providers.ts';
import type { Reporter } from './reporter.ts';
import type { State } from '../state/schema.ts';
import type { Registered } from './step.ts';

export interface RunOptions {
  readonly stack: string;
  readonly project: string;
  readonly preview: boolean;
  readonly continueOnError: boolean;
  readonly parallel: number;
  /** Configuration of the stack, secrets opened: `namespace:key` to text. */
  readonly config: ReadonlyMap<string, string>;
  readonly secretKeys: readonly string[];
  readonly checkpoint: Checkpoint;
  readonly providers: Providers;
  readonly reporter: Reporter;
}

/** One operation on one stack while it runs: what was, what the program has registered, what has failed. */
export class Run {
  readonly options: RunOptions;
  readonly checkpoint: Checkpoint;
  readonly providers: Providers;
  readonly reporter: Reporter;
  readonly preview: boolean;
  /** The state before this operation (after a refresh, as refreshed), in its order. */
  base: readonly State[];
  /** Resources whose registration is complete, by URN. */
  readonly registered = new Map<string, Registered>();
  /** URNs registered or read so far, complete or not: each may come once. */
  readonly claimed = new Set<string>();
  /** Old URNs that a registered resource has taken over under its new one. */
  readonly aliased = new Set<string>();
  /** Old states deleted ahead of their replacement; who registers one of them recreates it. */
  readonly deletedAhead = new Set<State>();
  /** URNs whose objects are deleted in this run: what says deletedWith one of them is not deleted by itself. */
  readonly condemned = new Set<string>();
  /** URNs that are being replaced, and so deleted, in this run. */
  readonly replaced = new Set<string>();
  /** URNs whose step failed or was skipped. */
  readonly failed = new Set<string>();
  /** Registrations are planned one at a time; steps run side by side. */
  readonly planning = new Pool(1);
  readonly working: Pool;
  readonly #stop = new AbortController();
  #verdict: 'succeeded' | 'failed' = 'succeeded';

  constructor(options: RunOptions, base: readonly State[]) {
    this.options = options;
    this.checkpoint = options.checkpoint;
    this.providers = options.providers;
    this.reporter = options.reporter;
    this.preview = options.preview;
    this.base = base;
    this.working = new Pool(options.parallel);
  }

  /** Old states that a registration can continue; those that only wait for their deletion cannot be. */
  findOld(urn: string): State | undefined {
    return this.base.find((state) => state.urn === urn && state.delete !== true);
  }

  get verdict(): 'succeeded' | 'failed' {
    return this.#verdict;
  }

  /** Aborted once nothing new may start. */
  get stopped(): AbortSignal {
    return this.#stop.signal;
  }

  /** The operation has failed, but goes on. */
  markFailed(): void {
    this.#verdict = 'failed';
  }

  /** The operation has failed; without continueOnError nothing new starts. What runs is never interrupted. */
  fail(): void {
    this.#verdict = 'failed';
    if (!this.options.continueOnError) this.#stop.abort();
  }

  /** The operation has failed and nothing new starts, whatever the options say. */
  halt(): void {
    this.#verdict = 'failed';
    this.#stop.abort();
  }

  /** Resolves when no step and no planning is under way. */
  async idle(): Promise<void> {
    await this.planning.idle();
    await this.working.idle();
  }
}

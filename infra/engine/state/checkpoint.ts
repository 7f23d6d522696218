import type { Codec, PendingOperation } from './codec.ts';
import { EngineError, messageOf } from '../errors.ts';
import { integrityViolations, magicOf } from './integrity.ts';
import { normalizeReferences } from './normalize.ts';
import type { OperationType, State } from './schema.ts';
import { Writer } from './writer.ts';

/** Written into each manifest, so that a person can see who wrote the state; the real CLI only hashes and prints it. */
export const MANIFEST_VERSION = 'burnbag-engine/1';

/** What a finished step changes: a new state, and old ones that are no more. */
export interface Change {
  readonly add?: State;
  readonly drop?: readonly State[];
}

export interface CheckpointOptions {
  /** Fully qualified, `organization/PROJECT/STACK`. */
  readonly stack: string;
  readonly base: readonly State[];
  readonly pending: readonly PendingOperation[];
  readonly codec: Codec;
  /** Makes the text durable; undefined for a preview, which writes nothing. */
  readonly save: ((text: string) => Promise<void>) | undefined;
}

/**
 * The state file while an operation works on it. Merge order of every write: resources finished in this run, in completion
 * order; then those of the base not yet superseded, in their old order. A pending operation is on disk before its provider
 * call leaves and goes when its outcome is on disk; of the base's pending operations only creates stay, since only their
 * objects may exist unseen.
 */
export class Checkpoint {
  readonly #options: CheckpointOptions;
  readonly #writer: Writer;
  #base: readonly State[];
  #basePending: readonly PendingOperation[];
  readonly #fresh: State[] = [];
  readonly #gone = new Set<State>();
  readonly #pending = new Set<PendingOperation>();
  #frozen = false;

  constructor(options: CheckpointOptions) {
    this.#options = options;
    this.#base = options.base;
    this.#basePending = options.pending.filter((operation) => operation.type === 'creating');
    this.#writer = new Writer(() => this.#save());
  }

  /** The resources as the next write will list them. */
  get resources(): readonly State[] {
    return [...this.#fresh, ...this.#base].filter((state) => !this.#gone.has(state));
  }

  /** The pending operations as the next write will list them. */
  get pendingOperations(): readonly PendingOperation[] {
    return [...this.#pending, ...this.#basePending];
  }

  /** Notes durably what is about to be done; only then may the provider be called. Rejects, too, once nothing is written any more. */
  async begin(type: OperationType, resource: State): Promise<PendingOperation> {
    const operation: PendingOperation = { type, resource };
    this.#pending.add(operation);
    try {
      await this.#write();
      if (this.#frozen) throw new Error('the operation was terminated');
    } catch (error) {
      this.#pending.delete(operation);
      throw new EngineError('state_not_written', `pre-step event returned an error: ${messageOf(error)}`, {
        cause: error,
      });
    }
    return operation;
  }

  /** Notes durably what a begun operation led to. */
  async end(operation: PendingOperation, change: Change): Promise<void> {
    if (this.#frozen) return;
    this.#pending.delete(operation);
    this.note(change);
    try {
      await this.#write();
    } catch (error) {
      throw new EngineError('state_not_written', `post-step event returned an error: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  /** Applies a change that needs no durability of its own; the next write, at the latest `flush`, carries it. */
  note(change: Change): void {
    for (const state of change.drop ?? []) this.#gone.add(state);
    if (change.add !== undefined) this.#fresh.push(change.add);
  }

  /** Changes a state in place. */
  amend(state: State, patch: Partial<State>): void {
    Object.assign(state, patch);
    this.#options.codec.forget(state);
  }

  /** Replaces the base after a refresh. */
  rebase(base: readonly State[]): void {
    this.#base = base;
  }

  /** Drops pending creates of the base: found, or given up by the user's explicit word. */
  resolvePending(drop: (operation: PendingOperation) => boolean): void {
    this.#basePending = this.#basePending.filter((operation) => !drop(operation));
  }

  /** From now on nothing is written or changed: what was pending stays pending on disk. */
  freeze(): void {
    this.#frozen = true;
  }

  /** True once nothing is written any more: what has been done since is not on disk. */
  get frozen(): boolean {
    return this.#frozen;
  }

  /** Resolves when no write is under way any more; only then may the lock be given back. */
  settled(): Promise<void> {
    return this.#writer.settled();
  }

  /** Writes the state as it is now. */
  async flush(): Promise<void> {
    try {
      await this.#write();
    } catch (error) {
      throw new EngineError('state_not_written', `writing snapshot: ${messageOf(error)}`, { cause: error });
    }
  }

  #write(): Promise<void> {
    return this.#options.save === undefined || this.#frozen ? Promise.resolve() : this.#writer.write();
  }

  /** Nothing may happen between the last look for secrets and the text: so that look is the last await. */
  async #save(): Promise<void> {
    const { codec, save, stack } = this.#options;
    if (save === undefined || this.#frozen) return;
    const everything = (): readonly State[] => [
      ...this.resources,
      ...this.pendingOperations.map((operation) => operation.resource),
    ];
    while (codec.lacksKey(everything())) await codec.derive();
    await save(checkpointText(stack, normalizeReferences(this.resources), this.pendingOperations, codec));
  }
}

/** The text of a state file. Throws `bad_state` rather than writing an unsound one. */
export function checkpointText(
  stack: string,
  resources: readonly State[],
  pending: readonly PendingOperation[],
  codec: Codec,
): string {
  const manifest = { time: new Date().toISOString(), magic: magicOf(MANIFEST_VERSION), version: MANIFEST_VERSION };
  const violations = integrityViolations({ manifest, resources: [...resources] });
  if (violations.length > 0)
    throw new EngineError('bad_state', `snapshot integrity failure; refusing to write it: ${violations.join('; ')}`);
  const parts = [`"manifest":${JSON.stringify(manifest)}`];
  if (codec.providers !== undefined) parts.push(`"secrets_providers":${JSON.stringify(codec.providers)}`);
  if (resources.length > 0) parts.push(`"resources":[${resources.map((state) => codec.text(state)).join(',')}]`);
  if (pending.length > 0) {
    const operations = pending.map(
      ({ type, resource }) => `{"resource":${codec.text(resource)},"type":${JSON.stringify(type)}}`,
    );
    parts.push(`"pending_operations":[${operations.join(',')}]`);
  }
  parts.push('"metadata":{}');
  return `{"version":3,"checkpoint":{"stack":${JSON.stringify(stack)},"latest":{${parts.join(',')}}}}`;
}

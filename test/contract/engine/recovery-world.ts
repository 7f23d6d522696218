import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createEmbeddedEngine } from '../../../infra/engine/index.ts';
import type { Deployment } from '../../../infra/engine/state/schema.ts';
import { TestProvider } from '../../support/provider.ts';
import { sound } from './fixture.ts';
import type { Interruption } from './recovery-spec.ts';

/** What many lives share: a folder with Pulumi.yaml and one stack settings file, and the passphrase of all secrets. */
export interface Ground {
  readonly folder: string;
  readonly settings: string;
  readonly passphrase: string;
}

/**
 * One stack with its disk and its provider, whose processes may be killed. A killed process leaves the disk as it was at that instant, torn writes
 * and lock included: it is copied there and then, and the next process works on the copy. The connections to the provider are cut at the same
 * instant: what was asked over them has no effect any more. So nothing that the dead process still does reaches state or provider.
 */
export class World {
  readonly name: string;
  readonly provider: TestProvider;
  /** The text of the last state file that was written. */
  saved = '';
  /** How many processes were killed. */
  generation = 0;
  readonly #ground: Ground;
  #moment: (() => void) | undefined;

  private constructor(ground: Ground, name: string, provider: TestProvider) {
    this.#ground = ground;
    this.name = name;
    this.provider = provider;
  }

  /** A new world, its stack made. */
  static async begin(ground: Ground, name: string, options: { readonly findsByUrn: boolean }): Promise<World> {
    const world = new World(ground, name, await TestProvider.start({ ...options, forgivesDelete: true }));
    const failure = await world.operate(['stack', 'init']);
    if (failure !== undefined) throw failure;
    return world;
  }

  /** Something has happened at which a process may be killed. */
  moment(): void {
    this.#moment?.();
  }

  /** The state on disk, checked by the strict schema and the rules of integrity. */
  state(): Deployment {
    return sound(readFileSync(this.#stateFile, 'utf8'));
  }

  /** Every file there is of the stack. */
  files(): readonly string[] {
    return readdirSync(this.#disk, { recursive: true, encoding: 'utf8' }).filter((path) => path.includes(this.name));
  }

  /** One command in a process of its own, as far as it gets. Resolves to the error it ended with; undefined after success and after a kill. */
  async operate(args: readonly string[], interruption?: Interruption): Promise<Error | undefined> {
    const disk = this.#disk;
    const generation = this.generation;
    const engine = createEmbeddedEngine({
      providers: { bag: this.provider.address },
      onCheckpoint: (text) => {
        if (generation !== this.generation) return;
        this.saved = text;
        this.moment();
      },
    });
    const cancel = new AbortController();
    const { promise: killed, resolve } = Promise.withResolvers<undefined>();
    const disarm = this.#arm(interruption, {
      aborted: () => {
        cancel.abort();
      },
      terminated: () => {
        engine.terminate();
      },
      killed: () => {
        this.#kill();
        engine.terminate();
        resolve(undefined);
      },
    });
    const ended = engine
      .run(
        [...args, '--config-file', this.#ground.settings, '--stack', this.name],
        this.#ground.folder,
        this.#environment,
        undefined,
        undefined,
        cancel.signal,
      )
      .then(
        () => undefined,
        (error: unknown) => error as Error,
      );
    const outcome = await Promise.race([ended, killed]);
    disarm();
    await ended;
    if (generation === this.generation) return outcome;
    rmSync(disk, { recursive: true });
    await this.provider.revive(0);
    return undefined;
  }

  end(): void {
    this.provider.stop();
    rmSync(join(this.#ground.folder, this.name), { recursive: true });
  }

  get #disk(): string {
    return join(this.#ground.folder, this.name, String(this.generation));
  }

  get #stateFile(): string {
    return join(this.#disk, '.pulumi', 'stacks', 'bb', `${this.name}.json`);
  }

  get #environment(): Record<string, string> {
    return {
      PULUMI_CONFIG_PASSPHRASE: this.#ground.passphrase,
      PULUMI_BACKEND_URL: `file://${this.#disk}`,
      PULUMI_DEBUG_PROVIDERS: '',
    };
  }

  /** Lets the interruption happen when it is due; the returned function calls it off. */
  #arm(interruption: Interruption | undefined, effects: Readonly<Record<Interruption['how'], () => void>>): () => void {
    if (interruption === undefined) return () => undefined;
    let left = interruption.after;
    const count = (): void => {
      left -= 1;
      if (left === -1) effects[interruption.how]();
    };
    if (interruption.when === 'moment') this.#moment = count;
    else void countTurns(count, () => left >= 0);
    return () => {
      left = -1;
      this.#moment = undefined;
    };
  }

  #kill(): void {
    this.#moment = undefined;
    this.provider.stop();
    const disk = this.#disk;
    this.generation += 1;
    copyDisk(disk, this.#disk);
    // What a thread had just renamed into place is on the disk although the process never heard of it.
    this.saved = readFileSync(this.#stateFile, 'utf8');
  }
}

async function countTurns(count: () => void, goesOn: () => boolean): Promise<void> {
  while (goesOn()) {
    await nextTurn();
    if (goesOn()) count();
  }
}

/** Copies a disk in one go: no JavaScript runs meanwhile. What a thread of the dead process is just renaming is there under one name or the other. */
function copyDisk(from: string, to: string): void {
  for (const entry of readdirSync(from, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const source = join(entry.parentPath, entry.name);
    const target = join(to, source.slice(from.length));
    mkdirSync(dirname(target), { recursive: true });
    try {
      if (source.includes('/locks/')) writeFileSync(target, asOfTheDead(readFileSync(source, 'utf8')));
      else copyFileSync(source, target);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    }
  }
}

/** The lock of a process of our pid that started at another time: one that is no more. */
function asOfTheDead(lock: string): string {
  return JSON.stringify({ ...(JSON.parse(lock) as object), started: '1' });
}

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type Database, DatabaseError, type Row } from './database.ts';
import type { EmbeddedAnswer, EmbeddedRequest } from './embedded-protocol.ts';

/** Opens the Postgres in $HOME/journal. The caller holds the lock of the data directory: PGlite does not lock its folder. */
export async function openEmbedded(home: string, fence: () => void = () => undefined): Promise<Database> {
  const folder = join(home, 'journal');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const thread = new EmbeddedThread(folder);
  try {
    await thread.opened();
  } catch (error) {
    await thread.end();
    const isTold = error instanceof DatabaseError && (error.code === 'timeout' || error.code === 'no_space');
    throw isTold ? error : unreadable(folder, error);
  }
  return {
    kind: 'embedded',
    query: (sql, params = []) => thread.ask({ do: 'query', sql, params }),
    script: async (sql) => {
      await thread.ask({ do: 'script', sql });
    },
    // Closing writes too. Files that are somebody else's by now are let go of as they are.
    [Symbol.asyncDispose]: () => (mayWrite(fence) ? thread.close() : thread.end()),
  };
}

function mayWrite(fence: () => void): boolean {
  try {
    fence();
    return true;
  } catch {
    return false;
  }
}

/** The first opening makes the database: 2 s on an idle machine, 5 s with cold caches; this is for a machine that is very busy. */
const OPEN_DEADLINE_MS = 60_000;

/** A statement takes 2 ms; a disk that keeps one waiting this long is broken. */
const STATEMENT_DEADLINE_MS = 20_000;

/** The caller's end of the thread that embedded-worker.ts runs in. Keeps the process alive only while a question is open. */
class EmbeddedThread {
  readonly #worker: Worker;
  readonly #open = new Map<number, { resolve: (rows: readonly Row[]) => void; reject: (error: Error) => void }>();
  #lastId = 0;
  #ended: DatabaseError | undefined;
  #closing: Promise<void> | undefined;

  constructor(folder: string) {
    this.#worker = new Worker(new URL('./embedded-worker.ts', import.meta.url), {
      workerData: folder,
      env: {},
      execArgv: [],
    });
    this.#worker.on('message', (answer: EmbeddedAnswer) => {
      this.#settle(answer);
    });
    this.#worker.on('error', (error) => {
      this.#fail(
        new DatabaseError('unavailable', error instanceof Error ? error.message : String(error), { cause: error }),
      );
    });
    this.#worker.on('exit', (code) => {
      this.#fail(new DatabaseError('unavailable', `the journal's thread ended (${code})`));
    });
  }

  async opened(): Promise<void> {
    await this.#wait(0, OPEN_DEADLINE_MS);
  }

  ask(request: EmbeddedQuestion): Promise<readonly Row[]> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const id = ++this.#lastId;
    const answered = this.#wait(id, STATEMENT_DEADLINE_MS);
    this.#worker.postMessage({ id, ...request } satisfies EmbeddedRequest);
    return answered;
  }

  close(): Promise<void> {
    this.#closing ??= this.ask({ do: 'close' }).then(
      () => this.end(),
      async (error: unknown) => {
        await this.end();
        throw error;
      },
    );
    return this.#closing;
  }

  async end(): Promise<void> {
    this.#fail(new DatabaseError('unavailable', 'the journal is closed'));
    await this.#worker.terminate();
  }

  #wait(id: number, deadlineMs: number): Promise<readonly Row[]> {
    this.#worker.ref();
    const { promise, resolve, reject } = Promise.withResolvers<readonly Row[]>();
    const deadline = setTimeout(() => {
      this.#take(id)?.reject(new DatabaseError('timeout', `no answer in ${deadlineMs} ms`));
    }, deadlineMs);
    this.#open.set(id, { resolve, reject });
    return promise.finally(() => {
      clearTimeout(deadline);
    });
  }

  #take(id: number) {
    const waiting = this.#open.get(id);
    this.#open.delete(id);
    if (this.#open.size === 0) this.#worker.unref();
    return waiting;
  }

  #settle(answer: EmbeddedAnswer): void {
    const waiting = this.#take(answer.id);
    if ('rows' in answer) waiting?.resolve(answer.rows);
    else waiting?.reject(new DatabaseError(answer.error.code, answer.error.message));
  }

  #fail(error: DatabaseError): void {
    this.#ended ??= error;
    for (const id of [...this.#open.keys()]) this.#take(id)?.reject(error);
  }
}

/** A request before it has its number. */
type EmbeddedQuestion = EmbeddedRequest extends infer R ? (R extends unknown ? Omit<R, 'id'> : never) : never;

function unreadable(folder: string, cause: unknown): DatabaseError {
  return new DatabaseError('unreadable', `${folder}: ${cause instanceof Error ? cause.message : String(cause)}`, {
    cause,
  });
}

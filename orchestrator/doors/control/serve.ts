import { closeSync, constants, openSync } from 'node:fs';
import { chmod, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { explain, RequestError } from '../../errors.ts';
import { type OperationContext, OPERATIONS } from '../../operations/index.ts';
import { CONTROL_SOCKET, type Reply, Request } from './wire.ts';

/** A script in a request may have 4 MiB, and base64 makes them more. */
const REQUEST_MAX_BYTES = 8 * 1024 * 1024;
/** A client that connects and says nothing is let go. */
const REQUEST_DEADLINE_MS = 5_000;
/** Whoever asked before the end is answered; this is for one that does not read its answer. */
const LAST_ANSWERS_MS = 5_000;

/**
 * The owner of a data directory does for other processes of the same user what they ask: it answers questions, and conducts their runs beside
 * its own. Over a unix socket in the data directory (mode 0600 in a folder of mode 0700). On disposal no more runs are taken, and that is said;
 * what was asked by then is done to its end, and questions are answered as long: the answer to a cancellation is due just when the run, and
 * with it the owner, ends.
 */
export async function serveControl(home: string, context: OperationContext): Promise<ControlDoor> {
  await rm(join(home, CONTROL_SOCKET), { force: true });
  const folder = openSync(home, constants.O_RDONLY | constants.O_DIRECTORY);
  const visits = new Set<Visit>();
  let isLeaving = false;
  const server = createServer((socket) => {
    const visit = new Visit(socket, context, () => isLeaving);
    visits.add(visit);
    socket.on('close', () => visits.delete(visit));
  });
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  const conducting = (): Visit[] => [...visits].filter(({ isConducting }) => isConducting);
  server.once('error', reject);
  // By way of the folder's descriptor: a unix socket's path may have 107 bytes, a data directory's may be longer.
  server.listen(`/proc/self/fd/${folder}/${CONTROL_SOCKET}`, () => {
    resolve(undefined);
  });
  await promise;
  await chmod(join(home, CONTROL_SOCKET), 0o600);
  return {
    conducting: () => conducting().length,
    async [Symbol.asyncDispose]() {
      isLeaving = true;
      await Promise.all(conducting().map(({ served }) => served));
      await rm(join(home, CONTROL_SOCKET), { force: true });
      const closed = new Promise((done) => server.close(done));
      for (const visit of visits) visit.leave();
      await closed;
      closeSync(folder);
    },
  };
}

export interface ControlDoor extends AsyncDisposable {
  /** How many runs of other processes are being conducted. */
  conducting(): number;
}

/** One client: asks once. */
class Visit {
  isConducting = false;
  /** Resolves when it has its answer. */
  readonly served: Promise<void>;
  readonly #socket: Socket;
  readonly #context: OperationContext;
  readonly #isLeaving: () => boolean;
  readonly #stop = new AbortController();
  #hasAsked = false;

  constructor(socket: Socket, context: OperationContext, isLeaving: () => boolean) {
    this.#socket = socket;
    this.#context = context;
    this.#isLeaving = isLeaving;
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#stop.abort(new Error('whoever asked for it is gone'));
    });
    this.served = this.#serve();
  }

  /** One that has not asked is let go; the others are answered, and those who do not read it are not waited for. */
  leave(): void {
    if (!this.#hasAsked) this.#socket.destroy();
    else if (!this.isConducting) setTimeout(() => this.#socket.destroy(), LAST_ANSWERS_MS).unref();
  }

  async #serve(): Promise<void> {
    const lines = createInterface({ input: this.#socket });
    try {
      const asked = await readLine(this.#socket, lines);
      this.#hasAsked = true;
      lines.on('line', () => {
        this.#stop.abort(new Error('stopped by whoever asked for it'));
      });
      await this.#perform(asked);
    } catch (error) {
      const { code, expected, got, hint } = explain(error);
      this.#say({ error: { code, expected, got, hint } });
    }
    this.isConducting = false;
    this.#socket.end();
  }

  async #perform(line: string): Promise<void> {
    const { operation: name, args, requester } = Request.parse(JSON.parse(line));
    const operation = OPERATIONS[name];
    if (operation.access === 'none') throw notAsked(name);
    if (operation.access === 'conducting' && this.#isLeaving()) {
      this.#say({ leaving: true });
      return;
    }
    this.isConducting = operation.access === 'conducting';
    this.#say({ accepted: true });
    const context: OperationContext = {
      ...this.#context,
      environment: { ...this.#context.environment, requester },
      signal: this.#stop.signal,
      observe: (event) => {
        this.#say({ event });
      },
    };
    // Each operation parses its own arguments; the union over all of them loses which belongs to which.
    const run = operation.run as (args: unknown, context: OperationContext) => Promise<unknown>;
    this.#say({ ok: await run(operation.args.parse(args), context) });
  }

  #say(reply: Reply): void {
    if (this.#socket.writable) this.#socket.write(`${JSON.stringify(reply)}\n`);
  }
}

function readLine(socket: Socket, lines: Interface): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const late = setTimeout(() => {
    reject(new Error('no request in time'));
  }, REQUEST_DEADLINE_MS);
  const count = (): void => {
    if (socket.bytesRead > REQUEST_MAX_BYTES) socket.destroy(new Error('request too long'));
  };
  socket.on('data', count);
  lines.once('line', resolve);
  lines.once('close', () => {
    reject(new Error('connection closed'));
  });
  return promise.finally(() => {
    clearTimeout(late);
  });
}

function notAsked(name: string): RequestError {
  return new RequestError('bad_argument', {
    expected: 'an operation that another process may ask for',
    got: name,
    hint: 'it needs no data directory: do it yourself',
  });
}

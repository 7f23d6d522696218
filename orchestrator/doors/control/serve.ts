import { closeSync, constants, openSync } from 'node:fs';
import { chmod, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import * as z from 'zod';
import { explain, RequestError } from '../../errors.ts';
import { type OperationContext, type OperationName, OPERATIONS } from '../../operations/index.ts';

export const CONTROL_SOCKET = 'control.sock';
/** Requests are a name and a run id. */
const REQUEST_MAX_BYTES = 64 * 1024;
/** A client that connects and says nothing is let go. */
const REQUEST_DEADLINE_MS = 5_000;

/** Whoever asked before the end is answered; this is for one that does not read its answer. */
const LAST_ANSWERS_MS = 5_000;

const NAMES = Object.keys(OPERATIONS) as [OperationName, ...OperationName[]];
const Request = z.strictObject({ operation: z.enum(NAMES), args: z.unknown() });

/**
 * The owner of a data directory answers shared operations of other processes of the same user: one JSON line in, one out, over a unix
 * socket in the data directory (mode 0600 in a folder of mode 0700). Stops on disposal, when what was asked by then is answered: the answer
 * to a cancellation is due just when the run, and with it the owner, ends.
 */
export async function serveControl(home: string, context: OperationContext): Promise<AsyncDisposable> {
  await rm(join(home, CONTROL_SOCKET), { force: true });
  const folder = openSync(home, constants.O_RDONLY | constants.O_DIRECTORY);
  const silent = new Set<Socket>();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const sets = [sockets, silent];
    for (const set of sets) set.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      for (const set of sets) set.delete(socket);
    });
    void answer(socket, context, () => silent.delete(socket));
  });
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  server.once('error', reject);
  // By way of the folder's descriptor: a unix socket's path may have 107 bytes, a data directory's may be longer.
  server.listen(`/proc/self/fd/${folder}/${CONTROL_SOCKET}`, () => {
    resolve(undefined);
  });
  await promise;
  await chmod(join(home, CONTROL_SOCKET), 0o600);
  return {
    async [Symbol.asyncDispose]() {
      const closed = new Promise((done) => server.close(done));
      for (const socket of silent) socket.destroy();
      const late = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, LAST_ANSWERS_MS);
      await closed;
      clearTimeout(late);
      closeSync(folder);
      await rm(join(home, CONTROL_SOCKET), { force: true });
    },
  };
}

async function answer(socket: Socket, context: OperationContext, onAsked: () => void): Promise<void> {
  const reply = await readLine(socket)
    .then((line) => {
      onAsked();
      return perform(line, context);
    })
    .then(
      (result) => ({ ok: result }),
      (error: unknown) => {
        const { code, expected, got, hint } = explain(error);
        return { error: { code, expected, got, hint } };
      },
    );
  socket.end(`${JSON.stringify(reply)}\n`);
}

async function perform(line: string, context: OperationContext): Promise<unknown> {
  const request = Request.parse(JSON.parse(line));
  const operation = OPERATIONS[request.operation];
  if (operation.access !== 'shared') {
    throw new RequestError('bad_argument', {
      expected: 'an operation that another process may ask for',
      got: request.operation,
      hint: 'wait until the owner of the data directory has finished',
    });
  }
  // Each operation parses its own arguments; the union over all of them loses which belongs to which.
  const run = operation.run as (args: unknown, context: OperationContext) => Promise<unknown>;
  return run(operation.args.parse(request.args), context);
}

function readLine(socket: Socket): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let text = '';
  socket.setEncoding('utf8');
  socket.setTimeout(REQUEST_DEADLINE_MS, () => {
    reject(new Error('no request in time'));
  });
  socket.on('data', (chunk: string) => {
    text += chunk;
    const end = text.indexOf('\n');
    if (end >= 0) {
      socket.setTimeout(0);
      resolve(text.slice(0, end));
    } else if (text.length > REQUEST_MAX_BYTES) reject(new Error('request too long'));
  });
  socket.on('close', () => {
    reject(new Error('connection closed'));
  });
  return promise;
}

import { closeSync, constants, openSync } from 'node:fs';
import { connect } from 'node:net';
import * as z from 'zod';
import type { Explained } from '../../errors.ts';
import { CONTROL_SOCKET } from './serve.ts';

/** Cancelling waits for the burn; everything else answers at once. */
const ANSWER_DEADLINE_MS = 10 * 60_000;
/** An answer may hold a stream of evidence. */
const ANSWER_MAX_BYTES = 64 * 1024 * 1024;

const Reply = z.union([
  z.strictObject({ ok: z.unknown() }),
  z.strictObject({
    error: z.strictObject({ code: z.string(), expected: z.string(), got: z.string(), hint: z.string() }),
  }),
]);

/** What the owner of the data directory answers, or undefined when nobody does in time. Throws what the owner's operation threw. */
export async function askOwner(
  home: string,
  operation: string,
  args: unknown,
  withinMs = ANSWER_DEADLINE_MS,
): Promise<{ readonly ok: unknown } | undefined> {
  const text = await exchange(home, `${JSON.stringify({ operation, args })}\n`, withinMs);
  // An owner that ended meanwhile has not answered, or not to the end of the line.
  if (text?.endsWith('\n') !== true) return undefined;
  const reply = Reply.parse(JSON.parse(text));
  if ('ok' in reply) return reply;
  throw new OwnerError(reply.error);
}

/** An error of the process that owns the data directory, as it explained it. */
class OwnerError extends Error implements Explained {
  override readonly name = 'OwnerError';
  readonly code: string;
  readonly expected: string;
  readonly got: string;
  readonly hint: string;

  constructor(said: Explained) {
    super(`expected ${said.expected}, got ${said.got}; ${said.hint}`);
    ({ code: this.code, expected: this.expected, got: this.got, hint: this.hint } = said);
  }
}

async function exchange(home: string, line: string, withinMs: number): Promise<string | undefined> {
  const folder = openSync(home, constants.O_RDONLY | constants.O_DIRECTORY);
  const socket = connect(`/proc/self/fd/${folder}/${CONTROL_SOCKET}`);
  const { promise, resolve, reject } = Promise.withResolvers<string | undefined>();
  let text = '';
  socket.setEncoding('utf8');
  // It may be asleep, or hang: then the data directory is simply busy.
  socket.setTimeout(withinMs, () => {
    resolve(undefined);
  });
  socket.on('connect', () => socket.write(line));
  socket.on('data', (chunk: string) => {
    text += chunk;
    if (text.length > ANSWER_MAX_BYTES) reject(new Error('the owner’s answer is too long'));
  });
  socket.on('end', () => {
    resolve(text);
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(undefined);
    else reject(error);
  });
  try {
    return await promise;
  } finally {
    socket.destroy();
    closeSync(folder);
  }
}

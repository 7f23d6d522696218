import type { Socket } from 'node:net';
import { ActionFailure } from '../failure.ts';
import { parseStrictJson } from '../session/strict-json.ts';
import { SPAWN_REQUEST_MAX_BYTES, SpawnRequest } from './request.ts';

/** The client has its request ready when it connects. */
const REQUEST_TIMEOUT_MS = 10_000;

const NEWLINE = 0x0a;

/**
 * Reads the client's one line. From then on it only listens for the client to go: whatever else it says, or that it hangs up, aborts `gone`.
 * Throws ActionFailure.
 */
export async function receiveRequest(socket: Socket, gone: AbortController): Promise<SpawnRequest> {
  const line = await receiveLine(socket, gone);
  const json = parseStrictJson(line.toString('utf8'));
  if (!json.ok) throw refused(json.expected, json.got);
  const request = SpawnRequest.safeParse(json.value);
  if (!request.success) throw refused('a sha256, args and timeout_ms', 'another request');
  return request.data;
}

function receiveLine(socket: Socket, gone: AbortController): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const timer = setTimeout(() => {
    reject(refused(`a request within ${REQUEST_TIMEOUT_MS} ms`, 'none'));
  }, REQUEST_TIMEOUT_MS);
  const parts: Buffer[] = [];
  let length = 0;
  let isComplete = false;
  const hangUp = (): void => {
    reject(refused('one line', 'the end of it'));
    gone.abort();
  };
  socket.on('end', hangUp);
  socket.on('close', hangUp);
  socket.on('data', (chunk: Buffer) => {
    if (isComplete) {
      hangUp();
      return;
    }
    parts.push(chunk);
    length += chunk.length;
    const end = chunk.indexOf(NEWLINE);
    isComplete = end !== -1;
    if (length > SPAWN_REQUEST_MAX_BYTES) reject(refused(`at most ${SPAWN_REQUEST_MAX_BYTES} bytes`, 'more'));
    else if (isComplete && end !== chunk.length - 1) reject(refused('one line', 'more'));
    else if (isComplete) resolve(Buffer.concat(parts, length).subarray(0, -1));
  });
  return promise.finally(() => {
    clearTimeout(timer);
  });
}

function refused(expected: string, got: string): ActionFailure {
  return new ActionFailure('INTERNAL', {
    expected,
    got,
    hint: 'the two halves of the executor are of different versions',
  });
}

import type { Writable } from 'node:stream';
import type { Answer } from '../../protocol/answer.ts';
import { LINE_MAX_BYTES } from '../../protocol/limits.ts';

/** Nobody takes answers any more. */
export class OutputClosed extends Error {
  override readonly name = 'OutputClosed';
}

/** How long a last line may wait for a reader once the session is cut off. */
const GRACE_MS = 2_000;

/** An answer as the bytes that are sent, without the newline. Throws Error when it is over the wire's limit: a defect, never sent. */
export function encodeAnswer(answer: Answer): Buffer {
  const line = Buffer.from(JSON.stringify(answer));
  if (line.length > LINE_MAX_BYTES)
    throw new Error(`expected an answer of at most ${LINE_MAX_BYTES} bytes, got ${line.length}`);
  return line;
}

/** Sends one line; resolves when the system has taken it. A reader that does not read holds a cut-off session for a moment only. Throws OutputClosed. */
export async function sendLine(output: Writable, line: Buffer, cutOff: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  let timer: NodeJS.Timeout | undefined;
  const giveUp = (): void => {
    timer = setTimeout(reject, GRACE_MS, new OutputClosed('expected the relay to take the answer, got no reader'));
  };
  output.write(Buffer.concat([line, Buffer.from('\n')]), (cause) => {
    if (cause) reject(new OutputClosed('expected the relay to take the answer, got a closed connection', { cause }));
    else resolve(undefined);
  });
  cutOff.addEventListener('abort', giveUp, { once: true });
  if (cutOff.aborted) giveUp();
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    cutOff.removeEventListener('abort', giveUp);
  }
}

import * as z from 'zod';

/**
 * The streams of a run: which file each one is, and which of the three witnesses wrote it.
 * `records` says how they are counted: one line is one record.
 */
export const STREAMS = {
  sshd: { file: 'sshd.log', witness: 'guest' },
  executor: { file: 'executor.ndjson', witness: 'guest' },
  audit: { file: 'audit.log', witness: 'guest' },
  relay: { file: 'relay.ndjson', witness: 'relay' },
  engine: { file: 'engine.ndjson', witness: 'control_plane' },
  console: { file: 'console.log', witness: 'control_plane' },
} as const;

export type StreamName = keyof typeof STREAMS;
export const STREAM_NAMES = Object.keys(STREAMS) as readonly StreamName[];

/** Tells whether a word names a stream. */
export function isStreamName(text: string): text is StreamName {
  return Object.hasOwn(STREAMS, text);
}

/**
 * Why a stream ended.
 *   closed        its writer ended it in order.
 *   collected     copied while its writer still stood, after the last action: what came later is not of the task.
 *   lost          it broke, or could not be copied: something may be missing.
 *   never_opened  the run did not get far enough for it to exist.
 */
export const StreamEnd = z.enum(['closed', 'collected', 'lost', 'never_opened']);
export type StreamEnd = z.infer<typeof StreamEnd>;

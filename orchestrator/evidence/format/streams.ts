/**
 * The streams of a run: which file each one is, and which of the three witnesses wrote it. One line is one record; of the capture, one frame.
 *
 *   sshd, executor, audit   left the guest while they were written
 *   audit_file              the guest's own file of the audit stream, fetched at the end
 *   relay                   what the relay sent and received
 *   arrivals                when which bytes of a followed stream had arrived, numbered and chained
 *   engine, provider        what the engine did, and each call that made or ended a resource
 *   console                 what the machine said on its serial port
 *   capture                 every frame on the machine's cable, both ways, taken at the end of it that no guest reaches
 */
export const STREAMS = {
  sshd: { file: 'sshd.log', witness: 'guest' },
  executor: { file: 'executor.ndjson', witness: 'guest' },
  audit: { file: 'audit.log', witness: 'guest' },
  audit_file: { file: 'audit-file.log', witness: 'guest' },
  relay: { file: 'relay.ndjson', witness: 'relay' },
  arrivals: { file: 'arrivals.ndjson', witness: 'relay' },
  engine: { file: 'engine.ndjson', witness: 'control_plane' },
  provider: { file: 'provider.ndjson', witness: 'control_plane' },
  console: { file: 'console.log', witness: 'control_plane' },
  capture: { file: 'capture.pcapng', witness: 'control_plane' },
} as const;

export type StreamName = keyof typeof STREAMS;
export const STREAM_NAMES = Object.keys(STREAMS) as [StreamName, ...StreamName[]];

/** The streams that are followed while the guest runs: theirs are the bytes that arrivals.ndjson speaks of. */
export const FOLLOWED = ['sshd', 'executor', 'audit', 'console'] as const satisfies readonly StreamName[];
export type FollowedStream = (typeof FOLLOWED)[number];

/** Tells whether a word names a stream. */
export function isStreamName(text: string): text is StreamName {
  return Object.hasOwn(STREAMS, text);
}

/** Tells whether a word names a stream that is followed. */
export function isFollowed(text: unknown): text is FollowedStream {
  return FOLLOWED.some((name) => name === text);
}

/**
 * Why a stream ended.
 *   closed        its writer ended it in order.
 *   collected     copied while its writer still stood, after the last action: what came later is not of the task.
 *   lost          it broke, or could not be copied: something may be missing.
 *   never_opened  the run did not get far enough for it to exist.
 */
export const STREAM_ENDS = ['closed', 'collected', 'lost', 'never_opened'] as const;
export type StreamEnd = (typeof STREAM_ENDS)[number];

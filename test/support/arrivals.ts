import { createHash } from 'node:crypto';
import { CHAIN_START } from '../../executor/protocol/index.ts';
import { FOLLOWED, type FollowedStream } from '../../orchestrator/evidence/index.ts';

/** When the relay of the test bundles began. */
export const STARTED_MS = 1_790_000_000_000;

/** What the relay would have written had these streams arrived, each in two parts. */
export function arrivalsOf(streams: Partial<Record<FollowedStream, string[]>>): string[] {
  const events = FOLLOWED.flatMap((stream) => {
    const lines = streams[stream] ?? [];
    const half = Math.ceil(lines.length / 2);
    const parts = [lines.slice(0, half), lines.slice(half)].filter((part) => part.length > 0);
    const whole = textOf(lines);
    const [bytes, digest] = [Buffer.byteLength(whole), sha256(whole)];
    return [
      { event: 'opened', stream },
      ...parts.map((part, index) => ({
        ...{ event: 'arrived', stream, first: index * half + 1, records: part.length },
        ...{ bytes: Buffer.byteLength(textOf(part)), sha256: sha256(textOf(part)) },
      })),
      { event: 'ended', stream, records: lines.length, bytes, sha256: digest, source: { bytes, sha256: digest } },
    ];
  });
  return chainArrivals([...events, { event: 'closed' }]);
}

/** Chains records as the relay does. */
export function chainArrivals(events: readonly object[]): string[] {
  let prev = CHAIN_START;
  return events.map((event, index) => {
    const line = JSON.stringify({ seq: index + 1, at_ms: STARTED_MS + index, prev, ...event });
    prev = sha256(line);
    return line;
  });
}

/** The relay's transcript, each record with the digest of the line before. */
export function chainRelay(lines: readonly string[]): string[] {
  let prev = CHAIN_START;
  return lines.map((line) => {
    const chained = JSON.stringify({ ...(JSON.parse(line) as object), prev });
    prev = sha256(chained);
    return chained;
  });
}

/** Stands in the transcript for the digest of the guest's own file; contents.ts puts that in its place. */
export const FETCHED = 'fe'.repeat(32);

export function textOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}

export function sha256(text: string | Buffer): string {
  return createHash('sha256').update(text).digest('hex');
}

import type { FollowedStream } from './streams.ts';

/*
 * arrivals.ndjson: what the relay saw arrive from the guest, while it arrived. One JSON line a record; `seq` counts from 1 without a hole,
 * `prev` is the SHA-256 of the line before without its newline (64 zeros for the first), `at_ms` is the relay's clock.
 *
 * An arrival is one or more whole records of one stream that were there when it was looked for: `first` is the number of the first of
 * them, `records` how many they are, `bytes` and `sha256` are of them together. So each record has its number, its time and its place in the
 * chain; what came within the same few milliseconds shares a line, or a flood would be answered by a greater one. A line is written
 * only when the bytes it speaks of are on disk.
 */

/** What happened to one stream, or to the log itself. */
export type ArrivalEvent =
  | { readonly event: 'opened'; readonly stream: FollowedStream }
  | {
      readonly event: 'arrived';
      readonly stream: FollowedStream;
      readonly first: number;
      readonly records: number;
      readonly bytes: number;
      readonly sha256: string;
    }
  /** The source, which only ever grows, became shorter. */
  | { readonly event: 'shrank'; readonly stream: FollowedStream; readonly from: number; readonly to: number }
  /** More came than is kept; what lies beyond was left where it was. */
  | { readonly event: 'flooded'; readonly stream: FollowedStream; readonly kept: number }
  /** The last of a stream: all that arrived, and what its source held when it was read again from its beginning, to the same length. */
  | {
      readonly event: 'ended';
      readonly stream: FollowedStream;
      readonly records: number;
      readonly bytes: number;
      readonly sha256: string;
      readonly source: { readonly bytes: number; readonly sha256: string } | null;
    }
  /** Another process goes on after a crash; that many bytes of a half-written line were cut off. */
  | { readonly event: 'resumed'; readonly cut: number }
  | { readonly event: 'closed' };

export type ArrivalRecord = { readonly seq: number; readonly at_ms: number; readonly prev: string } & ArrivalEvent;

/** Kept of one stream: ten times what any task of ours wrote, and half of what a machine's files may hold. */
export const STREAM_MAX_BYTES = 128 * 1024 * 1024;

/** So many records of ordinary length are that many bytes; whoever reads them all takes seconds for it, also where each is one byte. */
export const STREAM_MAX_RECORDS = 1024 * 1024;

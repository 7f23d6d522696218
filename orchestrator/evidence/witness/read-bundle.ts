import { join } from 'node:path';
import type { FileEntry, StreamEnding, StreamEntry } from '../format/manifest.ts';
import { STREAM_NAMES, STREAMS, type StreamName } from '../format/streams.ts';
import type { Finding } from '../format/verdict.ts';
import { type OnLine, openPlain, scan, type Scan } from '../scan.ts';
import { ExecutorWitness } from './executor.ts';
import { judge } from './judge.ts';
import { RelayWitness } from './relay.ts';

/** What one pass over a bundle's files found. */
export interface BundleReading {
  /** In the order of their names. */
  readonly files: readonly FileEntry[];
  /** Given how each stream ended, its entry and everything that speaks against completeness. */
  judge(endings: ReadonlyMap<StreamName, StreamEnding>): {
    streams: readonly StreamEntry[];
    findings: readonly Finding[];
  };
}

/** Reads every named file of a bundle once: hash, size, lines, and what executor and relay recorded. Sealing and verifying share it. */
export async function readBundle(dir: string, names: readonly string[], runId: string): Promise<BundleReading> {
  const executor = new ExecutorWitness(runId);
  const relay = new RelayWitness();
  const listeners: Partial<Record<string, OnLine>> = {
    [STREAMS.executor.file]: executor.onLine,
    [STREAMS.relay.file]: relay.onLine,
  };
  const scans = new Map<string, Scan>();
  for (const name of [...names].sort(byName)) {
    await using handle = await openPlain(join(dir, name));
    scans.set(name, await scan(handle, listeners[name]));
  }
  executor.end();
  relay.end();
  return {
    files: Array.from(scans, ([name, { bytes, sha256 }]) => ({ name, bytes, sha256 })),
    judge(endings) {
      const streams = describeStreams(endings, scans, { executor, relay });
      const unfinished = new Set(
        STREAM_NAMES.filter((name) => scans.get(STREAMS[name].file)?.endsWithNewline === false),
      );
      return { streams, findings: judge({ streams, unfinished, executor, relay }) };
    },
  };
}

/** By UTF-16 code unit: one order on every machine, whatever its language. */
export function byName(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function describeStreams(
  endings: ReadonlyMap<StreamName, StreamEnding>,
  scans: ReadonlyMap<string, Scan>,
  numbered: { readonly executor: ExecutorWitness; readonly relay: RelayWitness },
): StreamEntry[] {
  return STREAM_NAMES.flatMap((stream) => {
    const ended = endings.get(stream);
    if (ended === undefined) return [];
    const { file, witness } = STREAMS[stream];
    const found = scans.get(file);
    const counted = stream === 'executor' || stream === 'relay' ? numbered[stream] : undefined;
    return {
      stream,
      witness,
      file: found === undefined ? null : file,
      bytes: found?.bytes ?? 0,
      records: found?.lines ?? 0,
      first_seq: counted?.firstSeq ?? null,
      last_seq: counted?.lastSeq ?? null,
      ended,
    };
  });
}

import { join } from 'node:path';
import type { Finding } from '../format/findings.ts';
import { byName } from '../format/names.ts';
import { FOLLOWED, STREAM_NAMES, STREAMS, type StreamEnd, type StreamName } from '../format/streams.ts';
import { readPlain, scan, type Scan, type ScanListener } from '../scan.ts';
import { ArrivalsWitness } from './arrivals.ts';
import { AuditFileWitness } from './audit-file.ts';
import { AuditWitness } from './audit.ts';
import { CaptureWitness } from './capture.ts';
import type { ClockBounds } from './clock.ts';
import { EngineWitness } from './engine.ts';
import { ExecutorWitness } from './executor.ts';
import { judge, type Witnesses } from './judge.ts';
import { ProviderWitness } from './provider.ts';
import { RelayWitness } from './relay.ts';
import { ConsoleWitness, SyslogWitness } from './syslog.ts';

/** What one pass over a bundle's files found. */
export interface BundleReading {
  /** In the order of their names. */
  readonly files: readonly ReadFile[];
  /** Given how each stream ended: its entry, everything that speaks against completeness, and how far the clocks were apart. */
  judge<Ended extends { readonly how: StreamEnd }>(
    endings: ReadonlyMap<StreamName, Ended>,
  ): {
    readonly streams: readonly CountedStream<Ended>[];
    readonly findings: readonly Finding[];
    readonly clock: ClockBounds | null;
  };
}

export interface ReadFile {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** One stream, counted; sequence numbers only where its records carry them, null elsewhere. */
export interface CountedStream<Ended> {
  readonly stream: StreamName;
  readonly witness: 'guest' | 'relay' | 'control_plane';
  readonly file: string | null;
  readonly bytes: number;
  readonly records: number;
  readonly first_seq: number | null;
  readonly last_seq: number | null;
  readonly ended: Ended;
}

/**
 * Reads every named file of a bundle once: hash, size, lines, and what each witness recorded. Sealing and verifying share it. In the order
 * of names, what a stream is compared with comes before it: arrivals.ndjson and audit-file.log before audit.log.
 */
export async function readBundle(dir: string, names: readonly string[], runId: string): Promise<BundleReading> {
  const witnesses = makeWitnesses(runId);
  const listeners = listenersOf(witnesses);
  const scans = new Map<string, Scan>();
  for (const name of [...names].sort(byName)) {
    const listener = listeners.get(name);
    scans.set(name, await readPlain(join(dir, name), (handle) => scan(handle, listener)));
    listener?.onEnd?.();
  }
  const { executor, relay, arrivals, audit, auditFile, provider } = witnesses;
  for (const witness of [executor, relay, arrivals, audit, provider]) witness.end();
  const here = scans.get(STREAMS.audit_file.file)?.sha256;
  auditFile.end({ hasAll: relay.hasFetched, fetched: relay.fetchedSha256, here });
  return {
    files: Array.from(scans, ([name, { bytes, sha256 }]) => ({ name, bytes, sha256 })),
    judge(endings) {
      const streams = countStreams(endings, scans, witnesses);
      const unfinished = new Set(
        STREAM_NAMES.filter((name) => scans.get(STREAMS[name].file)?.endsWithNewline === false),
      );
      return { streams, ...judge({ streams, unfinished, ...witnesses }) };
    },
  };
}

function makeWitnesses(runId: string): Witnesses {
  const auditFile = new AuditFileWitness();
  return {
    executor: new ExecutorWitness(runId),
    relay: new RelayWitness(),
    arrivals: new ArrivalsWitness(),
    audit: new AuditWitness(auditFile),
    auditFile,
    sshd: new SyslogWitness(),
    console: new ConsoleWitness(),
    engine: new EngineWitness(),
    provider: new ProviderWitness(),
    capture: new CaptureWitness(),
  };
}

type BundleListener = ScanListener & { readonly onEnd?: () => void };

/** Who listens to which file; a followed stream's pieces are also compared with what arrived. */
function listenersOf(witnesses: Witnesses): ReadonlyMap<string, BundleListener> {
  const { executor, relay, arrivals, audit, auditFile, sshd, engine, provider, console, capture } = witnesses;
  const byStream = { executor, relay, arrivals, audit, audit_file: auditFile, sshd, engine, provider, console };
  const listeners = new Map<string, BundleListener>();
  for (const [stream, { onLine }] of Object.entries(byStream))
    listeners.set(STREAMS[stream as keyof typeof byStream].file, { onLine });
  for (const stream of FOLLOWED) {
    const { onPiece, end } = arrivals.checkerOf(stream);
    listeners.set(STREAMS[stream].file, { ...listeners.get(STREAMS[stream].file), onPiece, onEnd: end });
  }
  listeners.set(STREAMS.capture.file, capture);
  return listeners;
}

function countStreams<Ended extends { readonly how: StreamEnd }>(
  endings: ReadonlyMap<StreamName, Ended>,
  scans: ReadonlyMap<string, Scan>,
  { executor, relay, arrivals, audit, provider, capture }: Witnesses,
): CountedStream<Ended>[] {
  const numbered = { executor, relay, arrivals, audit, provider };
  return STREAM_NAMES.flatMap((stream) => {
    const ended = endings.get(stream);
    if (ended === undefined) return [];
    const { file, witness } = STREAMS[stream];
    const found = scans.get(file);
    const counted = Object.hasOwn(numbered, stream) ? numbered[stream as keyof typeof numbered] : undefined;
    return {
      stream,
      witness,
      file: found === undefined ? null : file,
      bytes: found?.bytes ?? 0,
      records: stream === 'capture' ? capture.records : (found?.lines ?? 0),
      first_seq: counted?.firstSeq ?? null,
      last_seq: counted?.lastSeq ?? null,
      ended,
    };
  });
}

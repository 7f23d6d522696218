import { join } from 'node:path';
import {
  ExecutorWitness,
  readIfThere,
  type RecordedAction,
  RelayWitness,
  type SentRequest,
  STREAMS,
  type StreamName,
} from '../../evidence/index.ts';
import type { Sighting } from './entry.ts';
import { sightAudit } from './sight-audit.ts';
import { sightCapture } from './sight-capture.ts';
import { arrivalTimes, sightConsole, sightSyslog } from './sight-arrived.ts';
import { sightEngine, sightExecutor, sightProvider, sightRelay } from './sight-records.ts';

/** What all streams of a run have, each in its own order, and what bounds the clocks. */
export interface StreamSightings {
  readonly sightings: ReadonlyMap<StreamName, Seen>;
  readonly requests: ReadonlyMap<number, SentRequest>;
  readonly actions: ReadonlyMap<number, RecordedAction>;
}

/** The first of a stream's sightings, and how many more there are. */
export interface Seen {
  readonly shown: readonly Sighting[];
  readonly leftOut: number;
}

/** Shown of one stream: more than a person reads; the stream itself has the rest. */
const SHOWN_MAX = 20_000;

/** Reads every stream that lies in a folder; what cannot be read in one is passed over here, and is a finding elsewhere. What a guest writes without end is counted, and not kept. */
export async function readStreams(dir: string, runId: string): Promise<StreamSightings> {
  const read = (stream: StreamName): Promise<Buffer> =>
    readIfThere(join(dir, STREAMS[stream].file)).then((content) => content ?? Buffer.alloc(0));
  const [executor, relay] = [new ExecutorWitness(runId), new RelayWitness()];
  const [executorLines, relayLines] = [linesOf(await read('executor')), linesOf(await read('relay'))];
  for (const line of executorLines) executor.onLine(line);
  for (const line of relayLines) relay.onLine(line);
  const arrived = arrivalTimes(linesOf(await read('arrivals')));
  const sightings = new Map<StreamName, Iterable<Sighting>>([
    ['relay', sightRelay(relayLines)],
    ['executor', sightExecutor(executorLines)],
    ['sshd', sightSyslog(linesOf(await read('sshd')), arrived)],
    ['console', sightConsole(linesOf(await read('console')), arrived)],
    ['audit', sightAudit(await read('audit'), executor.actions)],
    ['engine', sightEngine(linesOf(await read('engine')))],
    ['provider', sightProvider(linesOf(await read('provider')))],
    ['capture', sightCapture(await read('capture'))],
  ]);
  const seen = new Map([...sightings].map(([stream, all]) => [stream, firstOf(all)]));
  return { sightings: seen, requests: relay.requests, actions: executor.actions };
}

function firstOf(sightings: Iterable<Sighting>): Seen {
  const shown: Sighting[] = [];
  let leftOut = 0;
  for (const one of sightings) {
    if (shown.length < SHOWN_MAX) shown.push(one);
    else leftOut += 1;
  }
  return { shown, leftOut };
}

/** Cut out one at a time, each time they are gone through: a guest can write a line a byte. */
function linesOf(content: Buffer): Iterable<Buffer> {
  return {
    *[Symbol.iterator]() {
      for (let from = 0, at; (at = content.indexOf(0x0a, from)) !== -1; from = at + 1) yield content.subarray(from, at);
    },
  };
}

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
  readonly sightings: ReadonlyMap<StreamName, readonly Sighting[]>;
  readonly requests: ReadonlyMap<number, SentRequest>;
  readonly actions: ReadonlyMap<number, RecordedAction>;
}

/** Reads every stream that lies in a folder; what cannot be read in one is passed over here, and is a finding elsewhere. */
export async function readStreams(dir: string, runId: string): Promise<StreamSightings> {
  const read = (stream: StreamName): Promise<Buffer> =>
    readIfThere(join(dir, STREAMS[stream].file)).then((content) => content ?? Buffer.alloc(0));
  const [executor, relay] = [new ExecutorWitness(runId), new RelayWitness()];
  const [executorLines, relayLines] = [linesOf(await read('executor')), linesOf(await read('relay'))];
  for (const line of executorLines) executor.onLine(line);
  for (const line of relayLines) relay.onLine(line);
  const arrived = arrivalTimes(linesOf(await read('arrivals')));
  const sightings = new Map<StreamName, readonly Sighting[]>([
    ['relay', sightRelay(relayLines)],
    ['executor', sightExecutor(executorLines)],
    ['sshd', sightSyslog(linesOf(await read('sshd')), arrived)],
    ['console', sightConsole(linesOf(await read('console')), arrived)],
    ['audit', sightAudit(await read('audit'), executor.actions)],
    ['engine', sightEngine(linesOf(await read('engine')))],
    ['provider', sightProvider(linesOf(await read('provider')))],
    ['capture', sightCapture(await read('capture'))],
  ]);
  return { sightings, requests: relay.requests, actions: executor.actions };
}

function linesOf(content: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let from = 0, at; (at = content.indexOf(0x0a, from)) !== -1; from = at + 1)
    lines.push(content.subarray(from, at));
  return lines;
}

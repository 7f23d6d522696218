import type { StreamName } from '../../orchestrator/evidence/index.ts';
import { arrivalsOf, FETCHED, sha256, textOf } from './arrivals.ts';
import { captureOf } from './control-plane.ts';

/** The lines of each stream; a test changes them before they are written. `arrivals` is made when they are, unless a test made its own; so is the capture. */
export type TestStreams = Record<Exclude<StreamName, 'arrivals' | 'capture'>, string[]> & {
  arrivals?: string[];
  capture?: Buffer;
};

/** What each stream's file holds. */
export function contentsOf({ arrivals, capture, ...streams }: TestStreams): Record<StreamName, string | Buffer> {
  const lines = { ...streams, arrivals: arrivals ?? arrivalsOf(streams) };
  const fetched = sha256(textOf(streams.audit_file));
  const texts = Object.entries(lines).map(([name, all]) => [name, textOf(all).replace(FETCHED, fetched)]);
  return { ...(Object.fromEntries(texts) as Record<keyof typeof lines, string>), capture: capture ?? captureOf() };
}

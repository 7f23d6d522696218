import type { RecordedAction } from './executor.ts';
import type { SentRequest } from './relay.ts';

/** How far the guest's clock was ahead of the relay's: between these two, in milliseconds. */
export interface ClockBounds {
  readonly min_ms: number;
  readonly max_ms: number;
}

/** Two clocks that keep time drift apart by less in an hour; one that was stopped or set shows more. */
const DRIFT_MAX_MS = 1_000;

/**
 * What guest and relay say of the same requests bounds how far their clocks are apart: the guest took a request up after the relay sent it,
 * and was done before the relay had the answer. Null where there is no such pair.
 */
export function boundClock(
  requests: ReadonlyMap<number, SentRequest>,
  actions: ReadonlyMap<number, RecordedAction>,
): ClockBounds | null {
  const [lowers, uppers]: [number[], number[]] = [[], []];
  for (const [id, sent] of requests) {
    const { startedAtMs, ended } = actions.get(id) ?? {};
    const upper = startedAtMs === undefined ? undefined : startedAtMs - sent.atMs;
    const doneAtMs = ended?.atMs ?? sent.answer?.guestNowMs ?? startedAtMs;
    const lower = doneAtMs === undefined || sent.answer === undefined ? undefined : doneAtMs - sent.answer.atMs;
    if (upper === undefined || lower === undefined) continue;
    lowers.push(lower);
    uppers.push(upper);
  }
  return lowers.length === 0 ? null : { min_ms: maximum(lowers), max_ms: -maximum(uppers.map((value) => -value)) };
}

function maximum(values: readonly number[]): number {
  return values.reduce((a, b) => Math.max(a, b), -Infinity);
}

/** What is wrong with the guest's clock, or undefined: bounds that no one offset meets, or an action that took another time by it than it took. */
export function clockProblem(
  bounds: ClockBounds | null,
  actions: ReadonlyMap<number, RecordedAction>,
): string | undefined {
  if (bounds !== null && bounds.min_ms - bounds.max_ms > DRIFT_MAX_MS)
    return `ahead of the relay's by at least ${bounds.min_ms} ms and by at most ${bounds.max_ms} ms`;
  for (const [id, { startedAtMs, ended }] of actions) {
    if (startedAtMs === undefined || ended === undefined) continue;
    const elapsed = ended.atMs - startedAtMs;
    if (elapsed < ended.durationMs - DRIFT_MAX_MS)
      return `request ${id}: ${elapsed} ms by it, ${ended.durationMs} ms in truth`;
  }
  return undefined;
}

import { createHash } from 'node:crypto';
import type { Outcome, RunState } from '../lifecycle.ts';

/** One move of a run, as it was made. `from` is absent for the creation. */
export interface Transition {
  readonly seq: number;
  readonly from?: RunState;
  readonly to: RunState;
  readonly outcome?: Outcome;
  readonly why?: string;
  readonly at: string;
  /** Hash of the transition before; of the first one, CHAIN_START. */
  readonly previous: string;
  readonly hash: string;
}

/** `previous` of a run's first transition. */
export const CHAIN_START = '0'.repeat(64);

/** The hash of one transition: SHA-256, in hex, of the JSON array of everything it says, the hash before it first. */
export function hashTransition(runId: string, said: Omit<Transition, 'hash'>): string {
  const { previous, seq, from, to, outcome, why, at } = said;
  const text = JSON.stringify([previous, runId, seq, from ?? null, to, outcome ?? null, why ?? null, at]);
  return createHash('sha256').update(text).digest('hex');
}

/** Whether a run's transitions are the ones that were written: complete, in order, unchanged, and ending where the run stands. */
export function checkChain(runId: string, head: string, transitions: readonly Transition[]): ChainVerdict {
  let previous = CHAIN_START;
  for (const [index, transition] of transitions.entries()) {
    const seq = index + 1;
    if (transition.seq !== seq) return { holds: false, seq, what: `transition ${seq} is missing` };
    if (transition.previous !== previous)
      return { holds: false, seq, what: `transition ${seq} does not follow the one before` };
    if (hashTransition(runId, transition) !== transition.hash)
      return { holds: false, seq, what: `transition ${seq} was changed` };
    previous = transition.hash;
  }
  if (previous !== head)
    return { holds: false, seq: transitions.length + 1, what: 'transitions are missing at the end' };
  return { holds: true };
}

export type ChainVerdict =
  { readonly holds: true } | { readonly holds: false; readonly seq: number; readonly what: string };

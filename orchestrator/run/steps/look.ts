import { setTimeout as sleep } from 'node:timers/promises';
import type { ConcreteId, Deletion, Observation, SandboxDriver } from '../../../infra/driver.ts';
import { type BurnProof, LOOKS_APART_MS, LOOKS_MIN } from '../../evidence/index.ts';
import { explain } from '../../errors.ts';

/** Milliseconds on top of what a receipt needs between two looks: timers may fire early. */
const LOOKS_MARGIN_MS = 10;

/** An id, its deletion and the looks for it; `problem` is why it cannot be called gone. */
export interface Looked extends BurnProof {
  readonly problem?: string;
}

/** Looks for every id, waits, looks for every id again by other means, and last for anything of the run that came up meanwhile. */
export async function lookTwice(
  driver: SandboxDriver,
  runId: string,
  request: LookRequest,
): Promise<readonly Looked[]> {
  const { targets, deletions } = request;
  const unseen: Deletion['at'] = new Date().toISOString();
  const rounds: (readonly (Observation | { readonly problem: string })[])[] = [];
  for (let round = 0; round < LOOKS_MIN; round += 1) {
    if (round > 0) await sleep(LOOKS_APART_MS + LOOKS_MARGIN_MS);
    rounds.push(await Promise.all(targets.map((target) => lookOnce(driver, target, round))));
  }
  const late = await driver.inventory(runId);
  const looked = targets.map((target, index) => {
    const looks = rounds.flatMap((round) => round[index] ?? []);
    const observations = looks.filter((one) => 'state' in one);
    const problem =
      looks.find((one) => 'problem' in one)?.problem ?? observations.find(({ state }) => state === 'present')?.means;
    const unnoticed = { target, how: 'not found when it was to be deleted', at: unseen };
    const deletion = deletions.find((one) => isSame(one.target, target)) ?? unnoticed;
    return { target, deletion, observations, ...(problem !== undefined && { problem }) };
  });
  return [...looked, ...late.filter((id) => !targets.some((other) => isSame(id, other))).map(appeared)];
}

export interface LookRequest {
  readonly targets: readonly ConcreteId[];
  readonly deletions: readonly Deletion[];
}

export function isSame(a: ConcreteId, b: ConcreteId): boolean {
  return a.kind === b.kind && a.id === b.id;
}

/** Only "not found" counts as gone: a look that failed proves nothing. */
async function lookOnce(
  driver: SandboxDriver,
  target: ConcreteId,
  round: number,
): Promise<Observation | { readonly problem: string }> {
  try {
    return await driver.observe(target, round);
  } catch (error) {
    return { problem: explain(error).got };
  }
}

function appeared(target: ConcreteId): Looked {
  const deletion = { target, how: 'not deleted', at: new Date().toISOString() };
  return { target, deletion, observations: [], problem: 'it came up after everything was deleted' };
}

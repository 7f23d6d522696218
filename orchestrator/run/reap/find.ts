import type { FoundId, SandboxDriver } from '../../../infra/driver.ts';
import type { FoundRun } from './judge.ts';

/** A run and every id found of it. */
export interface Find extends FoundRun {
  readonly ids: readonly FoundId[];
}

/** What the control plane has of any run, or of one, run by run. */
export async function findRuns(driver: SandboxDriver, runId?: string): Promise<readonly Find[]> {
  const byRun = Map.groupBy(await driver.inventory(runId), (id) => id.runId);
  return [...byRun].map(([run, ids]) => describe(run, ids));
}

/** Puts ids of one run together. */
export function describe(runId: string, ids: readonly FoundId[]): Find {
  const times = ids.flatMap(({ since }) => (since === undefined ? [] : Date.parse(since)));
  const deadlines = ids.flatMap(({ deadline }) => (deadline === undefined ? [] : Date.parse(deadline)));
  return {
    runId,
    ids,
    youngest: times.length === 0 ? undefined : new Date(Math.max(...times)),
    deadline: deadlines.length === 0 ? undefined : new Date(Math.min(...deadlines)),
  };
}

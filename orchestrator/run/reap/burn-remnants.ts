import type { FoundId, SandboxDriver } from '../../../infra/driver.ts';
import { explain } from '../../errors.ts';
import { lookTwice } from '../steps/look.ts';

/**
 * Burns what is left of a run that has ended, or that the journal does not know: there is nothing to collect, and its receipt, if it has
 * one, stays as it is. Returns what stands against its absence, or undefined when every look found nothing.
 */
export async function burnRemnants(
  driver: SandboxDriver,
  runId: string,
  ids: readonly FoundId[],
): Promise<string | undefined> {
  try {
    const targets = ids.map(({ kind, id, detail }) => ({ kind, id, detail }));
    const deletions = await driver.destroy(runId, targets, () => undefined);
    const looked = await lookTwice(driver, runId, { targets, deletions });
    const present = looked.find(({ problem }) => problem !== undefined);
    return present === undefined ? undefined : `${present.target.kind} ${present.target.id}: ${present.problem ?? ''}`;
  } catch (error) {
    return explain(error).got;
  }
}

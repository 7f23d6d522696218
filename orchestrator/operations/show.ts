import * as z from 'zod';
import { readArchiveRecord } from '../evidence/index.ts';
import { describeRun } from '../run/describe.ts';
import { RunSummary } from '../run/summary.ts';
import { operation } from './operation.ts';

/** A run's id, or the start of one: at least four digits that only one run begins with. */
export const RunPrefix = z.string().regex(/^[0-9a-f]{4,12}$/, 'expected 4 to 12 lowercase hex digits');

/** Shows one run: what was asked, what it did, where its evidence lies, what became of its sandbox. */
export const show = operation({
  name: 'show',
  summary: 'show one run: what it did, its evidence, its burn',
  access: 'shared',
  args: z.strictObject({ run: RunPrefix }),
  result: RunSummary,
  async run({ run }, context) {
    const { deps } = await context.open();
    return withArchive(describeRun(await deps.journal.getRun(run)));
  },
});

/** What came into the archive after the run stands beside its evidence, not in the journal, which keeps what was true at the end. */
async function withArchive(run: RunSummary): Promise<RunSummary> {
  const { result } = run;
  if (result?.evidence?.archive !== null) return run;
  const record = await readArchiveRecord(result.evidence.folder);
  if (record === undefined) return run;
  const { endpoint, bucket, lock } = record;
  const archive = { endpoint, bucket, lock: lock.probe, ...lock.asked };
  return { ...run, result: { ...result, evidence: { ...result.evidence, archive } } };
}

import * as z from 'zod';
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
    return describeRun(await deps.journal.getRun(run));
  },
});

import * as z from 'zod';
import { describeRun } from '../run/describe.ts';
import { RunSummary } from '../run/summary.ts';
import { operation } from './operation.ts';
import { RunPrefix } from './show.ts';

/** Cancels a run: it stops executing, and is collected, sealed and burned as any other. */
export const cancel = operation({
  name: 'cancel',
  summary: 'stop a run; what it left is collected and its sandbox burned',
  access: 'shared',
  args: z.strictObject({ run: RunPrefix }),
  result: RunSummary,
  async run({ run }, context) {
    const orchestrator = await context.open();
    const found = await orchestrator.deps.journal.getRun(run);
    await orchestrator.cancel(found);
    return describeRun(await orchestrator.deps.journal.getRun(found.runId));
  },
});

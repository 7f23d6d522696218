import * as z from 'zod';
import { readSpool } from '../evidence/index.ts';
import { RUN_STATES } from '../run/lifecycle.ts';
import { describeRun } from '../run/describe.ts';
import type { Run } from '../run/run.ts';
import { RunSummary } from '../run/summary.ts';
import { operation } from './operation.ts';

/** More rows than a person reads. */
const LIMIT_MAX = 1_000;

/** A run without its result: strip, because the result is what a list leaves out. */
const Row = RunSummary.omit({ result: true }).strip().extend({
  /** Its evidence is owed to the archive; see `burnbag evidence archive`. */
  evidence_pending: z.boolean(),
});

/** Lists runs, newest first. */
export const runs = operation({
  name: 'runs',
  summary: 'list runs, newest first',
  access: 'shared',
  args: z.strictObject({ state: z.enum(RUN_STATES).optional(), limit: z.int().min(1).max(LIMIT_MAX) }),
  result: z.strictObject({ schema: z.literal('burnbag.runs/1'), runs: z.array(Row) }),
  async run({ state, limit }, context) {
    const { deps } = await context.open();
    const found = await deps.journal.listRuns({ limit, ...(state !== undefined && { state }) });
    const owed = new Set((await readSpool(context.environment.home)).map(({ run_id }) => run_id));
    const row = (one: Run) => Row.parse({ ...describeRun(one), evidence_pending: owed.has(one.runId) });
    return { schema: 'burnbag.runs/1' as const, runs: found.map(row) };
  },
});

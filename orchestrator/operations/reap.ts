import * as z from 'zod';
import type { SandboxDriver } from '../../infra/driver.ts';
import { loadConfiguration } from '../configuration.ts';
import type { Environment } from '../environment.ts';
import { openDriver } from '../run/open-deps.ts';
import { sweepAsBystander } from '../run/reap/bystander.ts';
import { GRACE_SECONDS } from '../run/reap/judge.ts';
import { SweepReport } from '../run/reap/report.ts';
import { sweepWithoutJournal } from '../run/reap/without-journal.ts';
import { operation } from './operation.ts';

/** Enough for what crashed since the last sweep; more at once wants a person's eye. */
export const REAP_MOST = 16;

/** Sweeps this host for what runs left behind, and burns it. */
export const reap = operation({
  name: 'reap',
  summary: 'find and burn what runs left behind; try again what is quarantined',
  access: 'shared',
  answerWithinMs: 60_000,
  args: z.strictObject({
    dry_run: z.boolean().default(false),
    /** How many runs one sweep may burn. */
    most: z.int().min(1).max(1_000).default(REAP_MOST),
    /** Tries quarantined runs also before their time. */
    impatient: z.boolean().default(true),
    /** How old something that nobody knows must be, and how late a guest that should have ended. */
    grace_seconds: z.int().min(0).max(86_400).default(GRACE_SECONDS),
    /** Burns everything found, known or not; for a journal that cannot be opened. */
    without_journal: z.boolean().default(false),
  }),
  result: SweepReport,
  async run(
    { dry_run: dryRun, most, impatient, without_journal: withoutJournal, grace_seconds: graceSeconds },
    context,
  ) {
    if (withoutJournal) {
      const { environment } = context;
      return sweepWithoutJournal({ home: environment.home, dryRun, most }, await driverOf(environment));
    }
    const orchestrator = await context.open();
    return orchestrator.reap({ dryRun, most, impatient, graceSeconds }, context.observe);
  },
  async whenBusy({ dry_run: dryRun, grace_seconds: graceSeconds, most }, { environment }) {
    return sweepAsBystander({ home: environment.home, dryRun, graceSeconds, most }, await driverOf(environment));
  },
});

async function driverOf(environment: Environment): Promise<SandboxDriver> {
  return openDriver(environment, await loadConfiguration(environment.home), 'queries');
}

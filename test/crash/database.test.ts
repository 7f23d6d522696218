import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newDatabase, startPostgres } from '../../orchestrator/run/journal/postgres-for-tests.ts';
import type { FailpointName } from '../../orchestrator/run/failpoint.ts';
import type { Fault } from '../support/crash-plan.ts';
import { findAfter } from './found.ts';
import { violations } from './invariants.ts';
import { type CrashPlace, openCrashPlace } from './place.ts';

/*
 * A journal on a Postgres server that goes away in the middle of a run, in earnest: the server is stopped as by a crash and started again.
 * A move waits for it, the sandbox being shut in, and so does an answer that has come; the run goes on. What must be on record before it happens
 * (an id, an action) does not happen without, and the run ends as failed. Either way it is burned, and nothing of it is left.
 */

const postgres = await startPostgres();
const outage = postgres?.outage;
if (outage === undefined)
  process.stderr.write('NOT RUN with a database that goes away: Debian’s postgresql package is not installed here\n');

let place: CrashPlace;
beforeAll(async () => {
  place = await openCrashPlace();
});
afterAll(async () => {
  await place[Symbol.asyncDispose]();
  await postgres?.[Symbol.asyncDispose]();
});

describe.skipIf(outage === undefined)('a database that is gone', () => {
  const either = /^(failed|succeeded)$/;
  const moments: readonly (readonly [number, FailpointName, Fault['when'], RegExp])[] = [
    [3, 'id_stored', 'before', /^failed$/],
    // A move that waits for the server and a login that is to be recorded meet here: which comes first in these 3 s is left to chance.
    [3, 'connected', 'before', either],
    [3, 'action_sent', 'before', /^failed$/],
    [30, 'action_sent', 'after', /^succeeded$/],
    [3, 'destroy_journalled', 'before', /^succeeded$/],
    [3, 'closed', 'before', /^succeeded$/],
  ];

  test.each(moments)(
    'for %i s (%s, %s) ends the run in good order',
    { timeout: 120_000 },
    async (seconds, step, when, outcome) => {
      await using home = await place.newHome({ databaseUrl: await newDatabase(postgres, `crash_${step}_${when}`) });
      const run = home.start({ do: 'run', fault: { step, when, how: 'ask' } });
      await run.said('asking');
      const isBack = outage?.(seconds * 1_000);
      // It goes on when the server is gone, and has nobody to ask.
      await new Promise((resolve) => setTimeout(resolve, 500));
      run.answer();
      await isBack;
      expect(await run.ended, run.output()).toMatchObject({ code: 0, signal: null });
      expect(run.events.at(-1)).toMatchObject({ type: 'ended', state: 'destroyed' });
      expect(await run.said('ended').then((event) => event.outcome)).toMatch(outcome);
      const recovery = home.start({ do: 'recover' });
      expect((await recovery.ended).code, recovery.output()).toBe(0);
      const { runs } = await recovery.said('dump');
      const atCrash = { remnants: [], receipts: [] };
      const found = await findAfter(home, runs);
      expect(violations({ atCrash, ...found, runs, recoveryAtMs: Date.now(), cleanMs: 0 })).toEqual([]);
    },
  );
});

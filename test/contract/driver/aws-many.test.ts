import { expect, test } from 'vitest';
import { makeAwsRig } from '../../support/aws/rig.ts';
import { keepingObserver } from '../../support/sandbox.ts';
import { requestOf } from './request.ts';

const RUNS = 100;
const AT_ONCE = 10;
const TIMEOUT_MS = 900_000;
/** One moto answers all ten, one call after the other. */
const READY_MS = 120_000;

test('a hundred runs, ten at a time, leave nothing', { timeout: TIMEOUT_MS }, async () => {
  await using rig = await makeAwsRig();
  const driver = rig.newDriver({ waits: { ...rig.options.waits, readyMs: READY_MS } });
  const never = new AbortController().signal;
  const runs = Array.from({ length: RUNS }, (_, index) => `ac${String(index + 1).padStart(10, '0')}`);
  const work = async (): Promise<void> => {
    for (let runId = runs.pop(); runId !== undefined; runId = runs.pop()) {
      const observer = keepingObserver();
      await driver.provision(requestOf(runId), observer, never);
      await driver.destroy(runId, observer.ids, () => undefined);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  expect(await driver.inventory()).toEqual([]);
  expect((await rig.existing()).filter((one) => /\bac[0-9]{10}\b/.test(one))).toEqual([]);
});

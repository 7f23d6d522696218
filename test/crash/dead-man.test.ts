import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, afterEach, expect, test } from 'vitest';
import { scan } from '../support/scanner.ts';
import { until } from '../support/until.ts';
import { openFaultyStore } from './faulty-store.ts';
import { type CrashHome, type CrashPlace, openCrashPlace } from './place.ts';

/*
 * The dead-man switches outside of the guest, on a guest that does not know its own (test/security/dead-man.test.ts attacks that one): it hangs
 * in the middle of its script, and stays. The grant is of ten minutes; the machine's life is of seconds.
 */

const LIFETIME = { guestSeconds: 2, haltSeconds: 4 };
const IMMORTAL = { at: 'before_effect', how: 'hang_for_ever' } as const;

let place: CrashPlace;
let home: CrashHome;
beforeAll(async () => {
  place = await openCrashPlace();
});
afterAll(() => place[Symbol.asyncDispose]());
beforeEach(async () => {
  home = await place.newHome();
});
afterEach(() => home[Symbol.asyncDispose]());

test('without a switch such a machine lives on', async () => {
  const run = home.start({ do: 'run', machine: IMMORTAL, lifetime: { guestSeconds: 2, haltSeconds: 600 } });
  await machineOf(home);
  await sleep(8_000);
  expect(await machines(home)).toHaveLength(1);
  process.kill(run.pid, 'SIGKILL');
});

test('the orchestrator’s timer ends it, and the run with it', async () => {
  const run = home.start({ do: 'run', machine: IMMORTAL, lifetime: LIFETIME });
  expect(await run.ended).toMatchObject({ code: 0 });
  expect(run.events.at(-1)).toMatchObject({ type: 'ended', state: 'destroyed', outcome: 'timed_out' });
  expect(await scan(home.home)).toEqual([]);
});

test('also while the run itself is stuck, with an archive that never answers', async () => {
  await using store = await openFaultyStore(place.endpoint, 'hangs');
  await using stuck = await place.newHome({ endpoint: store.endpoint });
  const run = stuck.start({ do: 'run', machine: { at: 'never', how: 'hang_for_ever' }, lifetime: LIFETIME });
  await machineOf(stuck);
  await until(async () => (await machines(stuck)).length === 0);
  expect(run.events.some(({ type }) => type === 'ended')).toBe(false);
  process.kill(run.pid, 'SIGKILL');
});

test('the reaper ends it while its owner sleeps', async () => {
  const owner = home.start({ do: 'run', machine: IMMORTAL, lifetime: LIFETIME });
  await machineOf(home);
  process.kill(owner.pid, 'SIGSTOP');
  await sleep(LIFETIME.haltSeconds * 1000);
  expect(await machines(home)).toHaveLength(1);
  const reaper = home.start({ do: 'cli', argv: ['--json', 'reap', '--grace', '0'] });
  expect(await reaper.ended).toMatchObject({ code: 75 });
  expect(JSON.parse(reaper.output())).toMatchObject({ as: 'bystander', runs: [{ did: 'stopped' }] });
  expect(await machines(home)).toEqual([]);
  process.kill(owner.pid, 'SIGCONT');
  expect(await owner.ended).toMatchObject({ code: 0 });
  expect(await scan(home.home)).toEqual([]);
});

/** Processes with a machine's label. */
async function machines({ home: folder }: CrashHome): Promise<readonly unknown[]> {
  return (await scan(folder)).filter(({ kind, what }) => kind === 'process' && what.includes('fake-machine'));
}

/** Waits until it is there. */
function machineOf(one: CrashHome): Promise<void> {
  return until(async () => (await machines(one)).length === 1);
}

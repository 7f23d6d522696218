import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DescribeInstancesCommand, TerminateInstancesCommand } from '@aws-sdk/client-ec2';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { permissionOf, PERMISSIONS } from '../../../infra/aws/api/permissions.ts';
import type { ConcreteId } from '../../../infra/driver.ts';
import type { AwsDriver } from '../../../infra/index.ts';
import { takenBack } from '../../support/aws/chaos/taken-back.ts';
import { makeAwsRig, type AwsRig } from '../../support/aws/rig.ts';
import { keepingObserver, type KeepingObserver } from '../../support/sandbox.ts';
import { requestOf } from './request.ts';

/* What an API does to whoever relies on it: it throttles, fails, hangs, shows things late and shows what is dead. */

vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 });

const never = new AbortController().signal;
const ignore = (): void => undefined;
const LIMITS = { requestMs: 1_500, attempts: 2 };
let rig: AwsRig;
let driver: AwsDriver;
beforeAll(async () => {
  rig = await makeAwsRig();
});
afterAll(() => rig[Symbol.asyncDispose]());
beforeEach(() => {
  driver = rig.newDriver();
});
afterEach(() => {
  rig.chaos.rules.length = 0;
  rig.chaos.delays.lagMs = rig.chaos.delays.pendingMs = rig.chaos.delays.shuttingMs = 0;
});

let count = 0;
const nextRun = (): string => `ac${String((count += 1)).padStart(10, '0')}`;

async function provisioned(
  by: AwsDriver = driver,
): Promise<{ runId: string; observer: KeepingObserver; instance: ConcreteId }> {
  const [runId, observer] = [nextRun(), keepingObserver()];
  await by.provision(requestOf(runId), observer, never);
  const instance = observer.ids.find(({ id }) => id.startsWith('i-'));
  if (instance === undefined) throw new Error('expected the instance in the manifest');
  return { runId, observer, instance };
}

async function expectGone(runId: string, ids: readonly ConcreteId[]): Promise<void> {
  const reaper = rig.newDriver();
  for (const turn of [0, 1])
    for (const id of ids)
      expect(await reaper.observe(id, turn), `${id.kind} ${id.id}`).toMatchObject({ state: 'gone' });
  expect((await rig.existing()).filter((one) => one.includes(runId))).toEqual([]);
}

describe('an API that fails', () => {
  test('for a while: the run is burnt all the same', async () => {
    const { runId, observer } = await provisioned();
    rig.chaos.rules.push(
      { action: 'DescribeInstances', how: 'error', times: 2 },
      { action: 'TerminateInstances', how: 'error', status: 503, code: 'ServiceUnavailable', times: 2 },
      { action: 'DeleteSecurityGroup', how: 'error', times: 3 },
    );
    await rig.newDriver().destroy(runId, observer.ids, ignore);
    await expectGone(runId, observer.ids);
  });

  test.each([
    ['throttles', { how: 'error' }, 'throttled'],
    ['is down', { how: 'error', status: 500, code: 'InternalError' }, 'aws_unavailable'],
    ['does not let us', { how: 'error', status: 403, code: 'UnauthorizedOperation' }, 'not_permitted'],
    ['does not know us', { how: 'error', status: 401, code: 'AuthFailure' }, 'bad_credentials'],
    ['hangs', { how: 'ack-hang' }, 'aws_unreachable'],
    ['hangs up', { how: 'drop' }, 'aws_unreachable'],
  ] as const)('for ever: one that %s is never taken for "gone"', async (_what, rule, code) => {
    const { runId, observer, instance } = await provisioned();
    // A burn asks some thirty times, and waits each time for what hangs.
    const limits = rule.how === 'ack-hang' ? { ...LIMITS, requestMs: 200 } : LIMITS;
    const slow = rig.newDriver({ access: { ...rig.access, limits } });
    rig.chaos.rules.push({ action: /^Describe/, ...rule });
    for (const turn of [0, 1]) await expect(slow.observe(instance, turn)).rejects.toMatchObject({ code });
    await expect(slow.inventory()).rejects.toMatchObject({ code });
    await expect(slow.destroy(runId, observer.ids, ignore)).rejects.toMatchObject({ code: 'not_deleted' });
    rig.chaos.rules.length = 0;
    await rig.newDriver().destroy(runId, observer.ids, ignore);
    await expectGone(runId, observer.ids);
  });

  test('an order that is obeyed and not answered is given again, and does no harm', async () => {
    const { runId, observer } = await provisioned();
    const slow = rig.newDriver({ access: { ...rig.access, limits: LIMITS } });
    rig.chaos.rules.push({ action: 'TerminateInstances', how: 'ack-hang', times: 1 });
    await slow.destroy(runId, observer.ids, ignore);
    await expectGone(runId, observer.ids);
  });
});

describe('an API that shows things late', () => {
  test('both ways: what ends late is waited for, and dated', async () => {
    rig.chaos.delays.lagMs = rig.chaos.delays.pendingMs = rig.chaos.delays.shuttingMs = 400;
    const { runId, observer, instance } = await provisioned();
    await driver.destroy(runId, observer.ids, ignore);
    expect(await driver.observe(instance)).toMatchObject({
      state: 'gone',
      means: expect.stringMatching(/^DescribeInstances by id: terminated, User initiated \(\d{4}-\d\d-\d\d/) as string,
    });
    await expectGone(runId, observer.ids);
  });

  test('a machine that was ordered and is not shown yet is no absent one', async () => {
    const runId = nextRun();
    const young = { account: rig.account, region: rig.region, run: runId, named_at: new Date().toISOString() };
    for (const id of [`any-of-run-${runId}`, 'i-00000000000000001']) {
      const ordered: ConcreteId = { kind: 'instance', id, detail: young };
      for (const turn of [0, 1])
        await expect(driver.observe(ordered, turn)).rejects.toMatchObject({ code: 'cannot_tell' });
      const old = { ...ordered, detail: { ...young, named_at: new Date(Date.now() - 60_000).toISOString() } };
      expect(await driver.observe(old)).toMatchObject({ state: 'gone' });
    }
  });

  test('what is terminated and still listed is gone: it is neither found nor burnt again', async () => {
    const { runId, observer } = await provisioned();
    await driver.destroy(runId, observer.ids, ignore);
    const { Reservations = [] } = await rig.ec2.send(new DescribeInstancesCommand({}));
    expect(Reservations.length).toBeGreaterThan(0);
    expect(await driver.inventory()).toEqual([]);
  });
});

describe('a process that dies', () => {
  test('by kill -9 between the launch and the checkpoint leaves nothing, once the reaper has been', async () => {
    const runId = nextRun();
    const before = rig.chaos.log.length;
    // The launch is obeyed, and whoever asked for it hears nothing: no checkpoint and no manifest can know of it.
    rig.chaos.rules.push({ action: 'RunInstances', how: 'ack-hang', times: 1 });
    rig.chaos.delays.lagMs = 500;
    await killedDuring(runId, () => rig.chaos.log.slice(before).includes('RunInstances'));
    const [ordered] = (await machines()).filter(({ Tags = [] }) => Tags.some(({ Value }) => Value === runId));
    expect(ordered?.State?.Name).toBe('running');
    const reaper = rig.newDriver();
    const expected: ConcreteId = {
      kind: 'instance',
      id: `any-of-run-${runId}`,
      detail: { account: rig.account, region: rig.region, run: runId, named_at: new Date().toISOString() },
    };
    await reaper.destroy(runId, [expected], ignore);
    await expectGone(runId, [expected]);
  });

  /** Provisions in a process of its own, which is killed as soon as `when` is true. */
  async function killedDuring(runId: string, when: () => boolean): Promise<void> {
    const program = join(import.meta.dirname, '../../support/aws/provision-main.ts');
    const child = spawn(process.execPath, [program, JSON.stringify({ runId, options: rig.options })], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { PATH: '/usr/bin:/bin' },
    });
    const ended = once(child, 'exit');
    for (const until = Date.now() + 60_000; !when() && child.exitCode === null && Date.now() < until;) await sleep(10);
    child.kill('SIGKILL');
    await ended;
    expect(child.signalCode).toBe('SIGKILL');
  }
});

describe('the wrong place', () => {
  test('with credentials of another account nothing is made and nothing deleted', async () => {
    const { runId, observer } = await provisioned();
    const foreign = rig.newDriver({ accountId: '999999999999' });
    await expect(foreign.provision(requestOf(nextRun()), keepingObserver(), never)).rejects.toMatchObject({
      code: 'wrong_account',
    });
    await expect(foreign.destroy(runId, [], ignore)).rejects.toMatchObject({ code: 'not_deleted' });
    await expect(foreign.halt(runId)).rejects.toMatchObject({ code: 'wrong_account' });
    expect((await rig.existing()).some((one) => one.startsWith('instance') && one.includes(runId))).toBe(true);
    await driver.destroy(runId, observer.ids, ignore);
  });

  test('with tunnels that no image has baked in nothing is made', async () => {
    const [runId, observer] = [nextRun(), keepingObserver()];
    const asked = driver.provision({ ...requestOf(runId), tunnels: ['127.0.0.1:8080'] }, observer, never);
    await expect(asked).rejects.toMatchObject({ code: 'image_misfit' });
    expect(observer.ids).toEqual([]);
    expect((await rig.existing()).filter((one) => one.includes(runId))).toEqual([]);
  });

  test('what a manifest names and another run’s tags mark is left untouched', async () => {
    const [mine, theirs] = [await provisioned(), await provisioned()];
    await expect(driver.destroy(mine.runId, [...mine.observer.ids, theirs.instance], ignore)).rejects.toMatchObject({
      code: 'not_deleted',
    });
    expect(await driver.observe(theirs.instance)).toMatchObject({ state: 'present' });
    await driver.destroy(theirs.runId, theirs.observer.ids, ignore);
    await expectGone(mine.runId, mine.observer.ids);
  });
});

describe('a machine that EC2 takes back', () => {
  let run: Awaited<ReturnType<typeof provisioned>>;
  const endIt = () => rig.ec2.send(new TerminateInstancesCommand({ InstanceIds: [run.instance.id] }));
  beforeEach(async () => {
    run = await provisioned();
  });
  afterEach(async () => {
    rig.chaos.rewrite = undefined;
    rig.chaos.rules.length = 0;
    await rig.newDriver().destroy(run.runId, run.observer.ids, ignore);
  });

  /** For its first so many looks EC2 shows something older. */
  const lateBy = (looks: number, older: (text: string) => string): void => {
    let left = looks;
    rig.chaos.rewrite = (action, text) => {
      if (action !== 'DescribeInstances') return text;
      left -= 1;
      return left >= 0 ? older(text) : takenBack(action, text);
    };
  };

  test('is told as interrupted, one that we end or that lives is not', async () => {
    expect(await driver.interruption(run.runId)).toBeUndefined();
    await endIt();
    expect(await driver.interruption(run.runId)).toBeUndefined();
    rig.chaos.rewrite = takenBack;
    expect(await driver.interruption(run.runId)).toContain('Server.SpotInstanceTermination');
  });

  test.each<[string, (text: string) => string]>([
    ['is still shown running', (text) => text.replaceAll('<name>terminated</name>', '<name>running</name>')],
    ['has ended without a reason', (text) => text.replaceAll(/<(stateReason|reason)>.*?<\/\1>/gs, '')],
    ['is not in the list', (text) => text.replaceAll(/<reservationSet>.*<\/reservationSet>/gs, '<reservationSet/>')],
  ])('and %s at first, is told as interrupted once EC2 shows it', async (_what, older) => {
    const patient = rig.newDriver({ waits: { ...rig.options.waits, endedMs: 20_000 } });
    await endIt();
    lateBy(3, older);
    expect(await patient.interruption(run.runId)).toContain('Server.SpotInstanceTermination');
    // Who does not wait is told otherwise (control).
    lateBy(3, older);
    const impatient = rig.newDriver({ waits: { ...rig.options.waits, endedMs: 0, pollMs: 0 } });
    expect(await impatient.interruption(run.runId)).toBeUndefined();
  });

  test('is asked for again where EC2 is busy, and who can never ask does not call it a failure of the run', async () => {
    const patient = rig.newDriver({
      ...{ access: { ...rig.access, limits: LIMITS }, waits: { ...rig.options.waits, endedMs: 20_000 } },
    });
    await endIt();
    rig.chaos.rewrite = takenBack;
    rig.chaos.rules.push({ action: 'DescribeInstances', how: 'error', times: 2 * LIMITS.attempts });
    expect(await patient.interruption(run.runId)).toContain('Server.SpotInstanceTermination');
    rig.chaos.rules.push({ action: 'DescribeInstances', how: 'error', status: 403, code: 'UnauthorizedOperation' });
    await expect(patient.interruption(run.runId)).rejects.toMatchObject({ code: 'not_permitted' });
    rig.chaos.rules.length = 0;
    rig.chaos.rules.push({ action: 'DescribeInstances', how: 'error' });
    const short = rig.newDriver({ access: { ...rig.access, limits: LIMITS } });
    await expect(short.interruption(run.runId)).rejects.toMatchObject({ code: 'throttled' });
  });

  test('is waited for no longer than it may be: a machine that lives keeps nobody', async () => {
    const since = performance.now();
    expect(await driver.interruption(run.runId)).toBeUndefined();
    const waited = performance.now() - since;
    expect(waited).toBeGreaterThan(400);
    expect(waited).toBeLessThan(15_000);
  });
});

test('every call that was made has its permission and a reason', () => {
  expect(rig.calls.length).toBeGreaterThan(100);
  const unlisted = rig.calls.filter((call) => permissionOf(call) === undefined);
  expect(unlisted).toEqual([]);
});

test('docs/aws.md has every permission of that table', async () => {
  const text = await readFile(join(import.meta.dirname, '../../../docs/aws.md'), 'utf8');
  const actions = Object.values(PERMISSIONS).flatMap(({ action }) => (action === null ? [] : [action]));
  expect(actions.filter((action) => !text.includes(`| \`${action}\` |`))).toEqual([]);
});

async function machines() {
  const { Reservations = [] } = await rig.ec2.send(new DescribeInstancesCommand({}));
  return Reservations.flatMap(({ Instances = [] }) => Instances);
}

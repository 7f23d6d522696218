import { rm } from 'node:fs/promises';
import { DescribeInstancesCommand, RunInstancesCommand } from '@aws-sdk/client-ec2';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { AwsDriver } from '../../../infra/index.ts';
import { ROLES, TAGS, type Tags } from '../../../infra/aws/tags.ts';
import { loadConfiguration } from '../../../orchestrator/configuration.ts';
import { openOrchestrator, type Orchestrator } from '../../../orchestrator/orchestrator.ts';
import type { SweepReport, SweptRun } from '../../../orchestrator/run/reap/report.ts';
import { newDatabase, startPostgres } from '../../../orchestrator/run/journal/postgres-for-tests.ts';
import { SANDBOX_IMAGE } from '../../support/aws/moto.ts';
import { INSTALLATION } from '../../support/aws/network.ts';
import { makeAwsRig, type AwsRig } from '../../support/aws/rig.ts';
import { keepingObserver, makeHome } from '../../support/sandbox.ts';
import { requestOf } from './request.ts';

/*
 * Two data directories share an installation in AWS and a journal. Each sees the other's machines, since it looks by tags; it ends those that
 * are past their own deadline, and does nothing else to them.
 */

vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 });

const postgres = await startPostgres();
if (postgres === undefined)
  process.stderr.write('NOT RUN with two data directories on AWS: Debian’s postgresql package is not installed here\n');

const never = new AbortController().signal;
const GRACE_SECONDS = 120;
/** Longer than a machine of the contract may live, and the grace after it. */
const AN_HOUR_MS = 3_600_000;

let rig: AwsRig;
let here: Party;
let there: Party;
/** Every journal starts empty, whatever the test before left behind. */
let databases = 0;
beforeAll(async () => {
  rig = await makeAwsRig();
});
afterAll(async () => {
  await rig[Symbol.asyncDispose]();
  await postgres?.[Symbol.asyncDispose]();
});

describe.skipIf(postgres === undefined)('a sweep beside another data directory', () => {
  beforeEach(async () => {
    const databaseUrl = await newDatabase(postgres, `another_home_${(databases += 1)}`);
    here = await openParty(databaseUrl);
    there = await openParty(databaseUrl);
  });
  afterEach(async () => {
    rig.chaos.rules.length = 0;
    for (const party of [here, there]) {
      for (const runId of party.runs) await party.driver.destroy(runId, [], () => undefined);
      await party[Symbol.asyncDispose]();
    }
  });

  test('ends its machine that is past its deadline, and leaves it the rest', async () => {
    const runId = await there.startRun(AN_HOUR_MS);
    expect(await sweep()).toMatchObject([{ run_id: runId, did: 'stopped' }]);
    expect(await alive(runId)).toEqual([]);
    expect(await rest(runId)).toEqual(['group', 'interface']);
    expect(await there.orchestrator.deps.journal.getRun(runId)).toMatchObject({ state: 'executing' });
    // Ended is ended: the next sweep has nothing to do to it.
    expect(await sweep()).toMatchObject([{ run_id: runId, did: 'left', why: ANOTHERS }]);
    // Its own data directory takes it up.
    const own = await there.orchestrator.reap(order({ dryRun: true }), () => undefined);
    expect(own.runs).toMatchObject([{ run_id: runId, state: 'executing', did: 'would_burn' }]);
  });

  test('leaves one alone that is alive and not overdue, whatever it is called by', async () => {
    const [live, late] = [await there.startRun(0), await there.startRun(lateBy(GRACE_SECONDS - 60))];
    const swept = await sweep();
    expect(swept.map(({ did, why }) => [did, why])).toEqual([
      ['left', ANOTHERS],
      ['left', ANOTHERS],
    ]);
    for (const runId of [live, late]) expect(await alive(runId)).toHaveLength(1);
  });

  test('burns its own beside it, as ever', async () => {
    const [own, theirs] = [await here.startRun(AN_HOUR_MS), await there.startRun(0)];
    const [dry] = await sweep({ dryRun: true });
    expect(dry).toMatchObject({ run_id: own, did: 'would_burn', state: 'executing' });
    expect(await alive(theirs)).toHaveLength(1);
  });

  test('of a dry run says so and does nothing', async () => {
    const runId = await there.startRun(AN_HOUR_MS);
    expect(await sweep({ dryRun: true })).toMatchObject([{ run_id: runId, did: 'would_burn' }]);
    expect(await alive(runId)).toHaveLength(1);
  });

  test('ends no more than it may: by a clock that is wrong all of them are overdue', async () => {
    const runs = [await there.startRun(AN_HOUR_MS), await there.startRun(AN_HOUR_MS)];
    expect((await sweep({ most: 1 })).map(({ did }) => did).toSorted()).toEqual(['left', 'stopped']);
    const left = (await Promise.all(runs.map((runId) => alive(runId)))).flat();
    expect(left).toHaveLength(1);
  });

  test('goes on to the others where one cannot be ended', async () => {
    const runs = [await there.startRun(AN_HOUR_MS), await there.startRun(AN_HOUR_MS)];
    rig.chaos.rules.push({
      action: 'TerminateInstances',
      how: 'error',
      status: 403,
      code: 'UnauthorizedOperation',
      times: 1,
    });
    const swept = await sweep();
    expect(swept.map(({ did }) => did).toSorted()).toEqual(['left', 'stopped']);
    const [left] = swept.filter(({ did }) => did === 'left');
    expect(left?.why).toContain('not ended: ');
    expect(await alive(left?.run_id ?? '')).toHaveLength(1);
    expect((await Promise.all(runs.map((runId) => alive(runId)))).flat()).toHaveLength(1);
  });

  test.each<[string, Tags]>([
    ['of another installation', { [TAGS.installation]: 'another' }],
    ['of an installation whose name begins with ours', { [TAGS.installation]: `${INSTALLATION}-2` }],
    ['that is no sandbox', { [TAGS.role]: ROLES.foundation }],
    ['of a run that nobody began', { [TAGS.run]: 'not a run' }],
  ])('leaves an overdue machine %s, though it calls itself that run’s', async (_what, changed) => {
    const runId = await there.startRun(AN_HOUR_MS);
    const foreign = await launch({ ...tagsOf(runId), ...changed });
    expect(await sweep()).toMatchObject([{ run_id: runId, did: 'stopped' }]);
    expect(await alive(runId)).toEqual(changed[TAGS.run] === undefined ? [foreign] : []);
    expect(await stateOf(foreign)).toBe('running');
  });

  test('with credentials of another account ends nothing', async () => {
    const runId = await there.startRun(AN_HOUR_MS);
    await here[Symbol.asyncDispose]();
    here = await openParty(here.databaseUrl, { accountId: '999999999999' });
    const swept = await sweep();
    expect(swept).toMatchObject([{ run_id: runId, did: 'left' }]);
    expect(swept[0]?.why).toContain('expected credentials of account 999999999999');
    expect(await alive(runId)).toHaveLength(1);
  });
});

const ANOTHERS = 'another data directory has it executing';

/** A data directory with an orchestrator on the shared journal, and the aws driver on the shared account. */
interface Party extends AsyncDisposable {
  readonly orchestrator: Orchestrator;
  readonly driver: AwsDriver;
  readonly databaseUrl: string;
  readonly runs: readonly string[];
  /** A run of its own under way, whose machine was begun so long ago. */
  startRun(agoMs: number): Promise<string>;
}

let begun = 0;

async function openParty(databaseUrl: string, changes: object = {}): Promise<Party> {
  const { home } = await makeHome();
  const driver = rig.newDriver({ home, ...changes });
  const orchestrator = await openOrchestrator(
    {
      ...{ home, root: process.cwd(), requester: 'test', databaseUrl, variables: {} },
      rig: { failpoints: { around: (_step, work) => work() }, createDriver: () => driver },
    },
    await loadConfiguration(home),
    'queries',
  );
  const runs: string[] = [];
  const { journal } = orchestrator.deps;
  return {
    ...{ orchestrator, driver, databaseUrl, runs },
    startRun: async (agoMs) => {
      const runId = `ad${String((begun += 1)).padStart(10, '0')}`;
      runs.push(runId);
      let run = await journal.createRun({ runId, taskId: 't', requester: 'r', profile: 'detonation', request: {} });
      for (const to of ['admitted', 'provisioning', 'ready', 'executing'] as const)
        run = await journal.moveRun(run, to);
      const now = (): Date => new Date(Date.now() - agoMs);
      await rig.newDriver({ home, now }).provision(requestOf(runId), keepingObserver(), never);
      return runId;
    },
    [Symbol.asyncDispose]: async () => {
      await orchestrator[Symbol.asyncDispose]();
      await rm(home, { recursive: true, force: true });
    },
  };
}

/** When its guest should have ended, so many seconds ago. */
function lateBy(seconds: number): number {
  return (requestOf('').lifetimeSeconds + seconds) * 1000;
}

function order(changes: object) {
  return { dryRun: false, most: 16, impatient: true, graceSeconds: GRACE_SECONDS, ...changes };
}

/** What the party here does about the other's. */
async function sweep(changes: object = {}): Promise<readonly SweptRun[]> {
  const { runs }: SweepReport = await here.orchestrator.reap(order(changes), () => undefined);
  return runs;
}

function tagsOf(runId: string): Tags {
  return {
    ...{ [TAGS.installation]: INSTALLATION, [TAGS.role]: ROLES.sandbox, [TAGS.run]: runId },
    [TAGS.deadline]: new Date(Date.now() - AN_HOUR_MS).toISOString(),
  };
}

async function launch(tags: Tags): Promise<string> {
  const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
  const { Instances = [] } = await rig.ec2.send(
    new RunInstancesCommand({
      ...{ ImageId: SANDBOX_IMAGE, InstanceType: 't3.small', MinCount: 1, MaxCount: 1 },
      ...{ SubnetId: rig.network.subnets[0], TagSpecifications: [{ ResourceType: 'instance', Tags }] },
    }),
  );
  return Instances[0]?.InstanceId ?? '';
}

/** Asked of moto itself, past the proxy. */
async function alive(runId: string): Promise<readonly string[]> {
  const Filters = [
    { Name: `tag:${TAGS.run}`, Values: [runId] },
    { Name: 'instance-state-name', Values: ['pending', 'running'] },
  ];
  const { Reservations = [] } = await rig.ec2.send(new DescribeInstancesCommand({ Filters }));
  return Reservations.flatMap(({ Instances = [] }) => Instances.map(({ InstanceId = '' }) => InstanceId));
}

async function stateOf(id: string): Promise<string | undefined> {
  const { Reservations = [] } = await rig.ec2.send(new DescribeInstancesCommand({ InstanceIds: [id] }));
  return Reservations[0]?.Instances?.[0]?.State?.Name;
}

/** What there is of a run beside its machine and its disk. */
async function rest(runId: string): Promise<readonly string[]> {
  const found = (await rig.existing()).filter((one) => one.endsWith(` ${runId}`));
  return found.map((one) => one.split(' ')[0] ?? '').toSorted();
}

import { createPublicKey } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  DescribeInstancesCommand,
  DescribeNetworkInterfacesCommand,
  DescribeSecurityGroupsCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  type Instance,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { OPERATIONS } from '../../orchestrator/operations/index.ts';
import { RunSummary } from '../../orchestrator/run/summary.ts';
import { takenBack } from '../support/aws/chaos/taken-back.ts';
import { type Cloud, makeCloud } from '../support/aws/cloud.ts';
import { burnbag, type Ended, eventually, parseDocument, startBurnbag } from '../support/burnbag.ts';
import { leftovers } from '../support/census.ts';
import { receiptOf } from '../support/receipt.ts';
import { type Drill, say, startDrill } from '../support/tunnel-drill.ts';

/* Whole runs with `driver: aws`, action to receipt, by the user's own command; see Cloud for what plays AWS. */

const LIMIT_MS = 400_000;
vi.setConfig({ testTimeout: LIMIT_MS, hookTimeout: LIMIT_MS });

let cloud: Cloud;
beforeAll(async () => {
  cloud = await makeCloud();
});
afterAll(() => cloud[Symbol.asyncDispose]());

const SCRIPT = `#!/bin/sh
echo "hello from $(id -un)"
echo kept >kept.txt
wget -q -T 2 -O - http://169.254.169.254/latest/meta-data/ || echo "no metadata"
wget -q -T 2 -O - http://198.51.100.7/x || echo "no way out"
`;

describe('a detonation on EC2', () => {
  let ended: Ended;
  let run: RunSummary;
  beforeAll(async () => {
    ended = await burnbag(cloud.place, ['detonate', await cloud.place.write('look.sh', SCRIPT), '--json']);
    run = RunSummary.parse(parseDocument(ended));
  });

  test('succeeds', () => {
    expect(run.result?.failures).toEqual([]);
    expect(ended).toMatchObject({ exitCode: 0, signal: null, stderr: '' });
    expect(run).toMatchObject({ state: 'destroyed', outcome: 'succeeded', engine: 'embedded', isolation: 'cloud' });
    expect(run.result?.phases.map(({ phase }) => phase)).toEqual(['provisioned', 'executed', 'sealed', 'burned']);
  });

  test('tells what the script did, and that neither metadata nor network was to be had', () => {
    const script = run.result?.answers.find((answer) => answer.status === 'ok' && answer.action === 'run_script');
    const data = 'hello from detonate\nno metadata\nno way out\n';
    expect(script).toMatchObject({ result: { exit_code: 0, stdout: { data } } });
    expect(run.result?.report?.counts).toMatchObject({ connections_tried: 2, connections_possible: 0 });
    expect(run.result?.report?.files).toContainEqual(
      expect.objectContaining({ path: '/work/job/kept.txt', changes: ['created'] as unknown }),
    );
  });

  test('is sealed whole under a lock, all logins of the relay being in what the guest sent', async () => {
    expect(run.result?.evidence).toMatchObject({ verdict: 'complete', findings: [] });
    expect(run.result?.evidence?.archive).toMatchObject({ lock: 'strict', mode: 'COMPLIANCE' });
    const relay = await readFile(join(bundleOf(run), 'relay.ndjson'), 'utf8');
    // Three that copy logs, the executor's, and the one that fetches the guest's own file.
    expect(relay.match(/"event":"(log_)?connected"/g)).toHaveLength(5);
  });

  test('is signed by keys that are in KMS and nowhere else', async () => {
    for (const purpose of ['evidence', 'receipt']) {
      const pem = await readFile(join(cloud.place.home, 'keys', `${purpose}.pub`), 'utf8');
      expect(createPublicKey(pem).asymmetricKeyDetails).toMatchObject({ namedCurve: 'prime256v1' });
    }
    // The key with which Burnbag logs in to the relay host is its own.
    const kept = await readdir(join(cloud.place.home, 'keys'));
    expect(kept.filter((name) => name.endsWith('.pem'))).toEqual(['relay.pem']);
  });

  test('is burned: machine, disk, interface and group proven gone by the API, the receipt signed', async () => {
    await expectBurned(run);
    const { machine_id, ids } = await receiptOf(bundleOf(run));
    expect(machine_id).toMatch(/^i-[0-9a-f]{17}$/);
    const named = ids.filter(({ id }) => /^(i|vol|eni|sg)-/.test(id));
    expect(named.map(({ kind }) => kind).toSorted()).toEqual(['instance', 'interface', 'security-group', 'volume']);
    expect(named.find(({ kind }) => kind === 'instance')?.id).toBe(machine_id);
    for (const { absence } of named) for (const { means } of absence) expect(means).toMatch(/^Describe/);
  });

  test('leaves nothing on this host', async () => {
    expect(await leftovers(cloud.place)).toEqual([]);
  });
});

describe('a detonation whose spot machine is taken back while its script runs', () => {
  let ended: Ended;
  let run: RunSummary;
  beforeAll(async () => {
    await cloud.configure({ spot: 'only' });
    const script = await cloud.place.write('sleeper.sh', '#!/bin/sh\necho asleep >asleep.txt\nsleep 300\n');
    const running = startBurnbag(cloud.place, ['detonate', script, '--timeout', '600', '--json']);
    const machine = await untilAsleep();
    expect(machine).toMatchObject({ InstanceLifecycle: 'spot' });
    cloud.chaos.rewrite = takenBack;
    await cloud.ec2.send(new TerminateInstancesCommand({ InstanceIds: [machine.InstanceId ?? ''] }));
    ended = await running.ended;
    run = RunSummary.parse(parseDocument(ended));
  });
  afterAll(() => {
    cloud.chaos.rewrite = undefined;
  });

  test('ends as interrupted, which is no failure of the script', () => {
    expect(run).toMatchObject({ state: 'destroyed', outcome: 'interrupted' });
    expect(ended.exitCode).toBe(5);
    expect(run.result?.unknown_actions).toMatchObject([{ action: 'run_script' }]);
  });

  test('keeps what had left the machine, and says that it is not all', async () => {
    expect(run.result?.evidence?.verdict).toBe('gaps');
    expect(await readFile(join(bundleOf(run), 'audit.log'), 'latin1')).toContain('asleep.txt');
  });

  test('is burned, with a receipt', async () => {
    await expectBurned(run);
    expect(await leftovers(cloud.place)).toEqual([]);
  });
});

describe('a run with a tunnel', () => {
  let drill: Drill;
  beforeAll(async () => {
    await cloud.configure({});
    await cloud.publish('--profile', 'tunnel-drill');
    drill = await startDrill(cloud.place);
  });

  test('reaches its one port through the relay host, and no other that something listens on', async () => {
    const path = { path: drill.socket };
    const said = await eventually('the script to listen', async () => (await say(path, 'hello')) || undefined);
    expect(said).toBe('port 8080: hello\n');
    const other = await burnbag(cloud.place, ['tunnel', drill.runId, '127.0.0.1:9090', '--json']);
    expect(parseDocument(other)).toMatchObject({ code: 'refused_by_policy' });
  });

  test('is burned when it is cancelled, and its own sshd has recorded where the tunnel led', async () => {
    await burnbag(cloud.place, ['cancel', drill.runId]);
    const ended = await drill.running.ended;
    const run = RunSummary.parse(parseDocument(ended));
    expect(run).toMatchObject({ state: 'destroyed', outcome: 'cancelled' });
    await expectBurned(run);
    expect(await leftovers(cloud.place)).toEqual([]);
    const sshd = await readFile(join(bundleOf(run), 'sshd.log'), 'utf8');
    expect(sshd).toMatch(/server_request_direct_tcpip.*target 127\.0\.0\.1 port 8080/);
  });
});

function bundleOf({ run_id }: RunSummary): string {
  return join(cloud.place.home, 'runs', run_id);
}

/** By the run's own word, by moto's, and by what can be verified without either. */
async function expectBurned(run: RunSummary): Promise<void> {
  const { burn } = run.result ?? {};
  expect(burn).toMatchObject({ not_gone: [], receipt: 'receipt.json', receipt_archived: true });
  expect(burn?.gone).toBe(burn?.ids);
  expect(cloud.guests.running()).toEqual([]);
  expect((await instances()).filter(({ State }) => State?.Name !== 'terminated')).toEqual([]);
  // moto makes a volume for each snapshot of an image, which nobody asked for; EBS makes none.
  const { Snapshots = [] } = await cloud.ec2.send(new DescribeSnapshotsCommand({ OwnerIds: ['self'] }));
  const { Volumes = [] } = await cloud.ec2.send(new DescribeVolumesCommand({}));
  expect(Volumes.filter((one) => !Snapshots.some(({ VolumeId }) => VolumeId === one.VolumeId))).toEqual([]);
  expect((await cloud.ec2.send(new DescribeNetworkInterfacesCommand({}))).NetworkInterfaces).toEqual([]);
  const Filters = [{ Name: 'tag-key', Values: ['burnbag:run'] }];
  expect((await cloud.ec2.send(new DescribeSecurityGroupsCommand({ Filters }))).SecurityGroups).toEqual([]);
  const verified = await burnbag(cloud.place, ['verify', run.run_id, '--json']);
  expect(OPERATIONS.verify.result.parse(parseDocument(verified))).toMatchObject({ verdict: 'verified' });
}

/** The machine of the run under way, once its script has said in the audit log that it sleeps. */
async function untilAsleep(): Promise<Instance> {
  const live = join(cloud.place.home, 'live');
  return eventually('the script to run', async () => {
    const [name = ''] = await readdir(live).catch((): string[] => []);
    const audit = await readFile(join(live, name, 'audit.log'), 'latin1').catch(() => '');
    if (!audit.includes('asleep.txt')) return undefined;
    return (await instances()).find(({ State }) => State?.Name === 'running');
  });
}

async function instances(): Promise<readonly Instance[]> {
  const { Reservations = [] } = await cloud.ec2.send(new DescribeInstancesCommand({}));
  return Reservations.flatMap(({ Instances = [] }) => Instances);
}

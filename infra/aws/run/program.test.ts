import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DescribeInstanceAttributeCommand,
  DescribeInstancesCommand,
  DescribeNetworkInterfacesCommand,
  DescribeSecurityGroupsCommand,
  DescribeVolumesCommand,
  type EC2Client,
  type Instance,
} from '@aws-sdk/client-ec2';
import { ec2 as awsEc2, Provider } from '@pulumi/aws';
import { output as pulumiOutput } from '@pulumi/pulumi';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Account, openStackIn, startAccount } from '../../../test/support/aws/account.ts';
import type { Chaos } from '../../../test/support/aws/chaos/chaos.ts';
import { ACCOUNT, REGION } from '../../../test/support/aws/clients.ts';
import { makeNetwork, runInputs, type TestNetwork } from '../../../test/support/aws/network.ts';
import type { OpenStack } from '../../pulumi/stack.ts';
import { orchestratorStatements } from '../foundation/documents/roles.ts';
import { preflight } from '../preflight.ts';
import { runTags } from '../tags.ts';
import { type Placement, type RunInputs, RunOutputs } from './inputs.ts';
import { instanceArguments } from './machine.ts';
import { placements, tryPlacements } from './placement.ts';
import { runProgram } from './program.ts';

/** Quick when idle; a machine that boots VMs beside it takes its time. */
vi.setConfig({ testTimeout: 240_000 });

let account: Account;
let chaos: Chaos;
let ec2: EC2Client;
let network: TestNetwork;
let folder: string;
beforeAll(async () => {
  account = await startAccount();
  ({ chaos, ec2 } = account);
});
afterAll(() => account[Symbol.asyncDispose]());
beforeEach(async () => {
  await account.moto.reset();
  network = await makeNetwork(ec2);
  folder = mkdtempSync(join(tmpdir(), 'aws-run-'));
});
afterEach(() => {
  chaos.reset();
  rmSync(folder, { recursive: true });
});

const RUN = 'aa0000000001';
const never = new AbortController().signal;
const ignore = (): void => undefined;

const open = (inputs: () => RunInputs): Promise<OpenStack> => openProgram(inputs().runId, runProgram(inputs));

const openProgram = (runId: string, program: () => Promise<Record<string, unknown>>): Promise<OpenStack> =>
  openStackIn(folder, account, { name: `run-${runId}`, project: 'burnbag', program });

async function instances(): Promise<Instance[]> {
  const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand({}));
  return Reservations.flatMap(({ Instances = [] }) => Instances);
}

const groupsOf = async () => {
  const filter = { Name: 'tag:burnbag:run', Values: [RUN] };
  return (await ec2.send(new DescribeSecurityGroupsCommand({ Filters: [filter] }))).SecurityGroups ?? [];
};

const interfaces = async () => (await ec2.send(new DescribeNetworkInterfacesCommand({}))).NetworkInterfaces ?? [];
const volumes = async () => (await ec2.send(new DescribeVolumesCommand({}))).Volumes ?? [];

describe('one run', () => {
  test('is a machine as locked down as it is said to be, and nothing of it is left', async () => {
    const inputs = runInputs(RUN, network);
    const stack = await open(() => inputs);
    const outputs = RunOutputs.parse(await stack.up(never, ignore));
    await expectLockedDown(inputs, outputs);
    await stack.destroy(ignore);
    await stack.remove();
    expect((await instances()).map(({ State }) => State?.Name)).toEqual(['terminated']);
    expect(await groupsOf()).toEqual([]);
    expect(await interfaces()).toEqual([]);
    expect(await volumes()).toEqual([]);
  });

  test('may be had at the spot price', async () => {
    const inputs = runInputs(RUN, network);
    const stack = await open(() => ({ ...inputs, placement: { ...inputs.placement, spot: true } }));
    expect(await stack.up(never, ignore)).toMatchObject({ spot: true });
    expect((await instances()).map(({ InstanceLifecycle }) => InstanceLifecycle)).toEqual(['spot']);
  });

  test('is refused where the credentials are another account’s, and nothing is made', async () => {
    const stack = await open(() => ({ ...runInputs(RUN, network), accountId: '999999999999' }));
    await expect(stack.up(never, ignore)).rejects.toThrow('AWS account ID not allowed: 123456789012');
    expect(chaos.log.filter((action) => /^(Create|Run)/.test(action))).toEqual([]);
  });

  test('goes away whole when its launch fails', async () => {
    const stack = await open(() => ({ ...runInputs(RUN, network), imageId: 'ami-00000000000000000' }));
    await expect(stack.up(never, ignore)).rejects.toThrow('api error InvalidAMIID.NotFound');
    await stack.destroy(ignore);
    expect(await groupsOf()).toEqual([]);
    expect(await interfaces()).toEqual([]);
  });

  test('has one machine when the answer to its launch is lost', async () => {
    chaos.rules.push({ action: 'RunInstances', how: 'ack-drop', times: 1 });
    const stack = await open(() => runInputs(RUN, network));
    await stack.up(never, ignore);
    expect(await instances()).toHaveLength(1);
  });

  test('is waited for while it cannot be seen, and until its end is over', async () => {
    chaos.delays.lagMs = chaos.delays.pendingMs = chaos.delays.shuttingMs = 300;
    const stack = await open(() => runInputs(RUN, network));
    await stack.up(never, ignore);
    await stack.destroy(ignore);
    expect((await instances()).map(({ State }) => State?.Name)).toEqual(['terminated']);
    expect(await interfaces()).toEqual([]);
  });
});

describe('without capacity', () => {
  const choices = () =>
    placements({ instanceTypes: ['t3.small', 'm5.large'], subnets: network.subnets, spot: 'never' }, 0);

  test('another zone, then another family is tried in the same stack, and what the others left is gone', async () => {
    chaos.rules.push({
      action: 'RunInstances',
      how: 'error',
      status: 400,
      code: 'InsufficientInstanceCapacity',
      times: 2,
    });
    const refused: Placement[] = [];
    let placement = choices()[0] as Placement;
    const stack = await open(() => ({ ...runInputs(RUN, network), placement }));
    const outputs = await tryPlacements(
      choices(),
      (chosen) => {
        placement = chosen;
        return stack.up(never, ignore);
      },
      (chosen) => refused.push(chosen),
    );
    expect(refused).toEqual(choices().slice(0, 2));
    expect(outputs).toMatchObject({ instanceType: 'm5.large', zone: 'eu-central-1a' });
    expect(await interfaces()).toHaveLength(1);
    await stack.destroy(ignore);
    expect(await interfaces()).toEqual([]);
    expect(await groupsOf()).toEqual([]);
  });

  test('anywhere the last refusal is told, and nothing is left', async () => {
    chaos.rules.push({ action: 'RunInstances', how: 'error', status: 400, code: 'InsufficientInstanceCapacity' });
    let placement = choices()[0] as Placement;
    const stack = await open(() => ({ ...runInputs(RUN, network), placement }));
    const outcome = tryPlacements(
      choices(),
      (chosen) => {
        placement = chosen;
        return stack.up(never, ignore);
      },
      ignore,
    );
    await expect(outcome).rejects.toThrow('api error InsufficientInstanceCapacity');
    await stack.destroy(ignore);
    expect(await interfaces()).toEqual([]);
  });
});

describe('before anything is registered', () => {
  test.each([
    ['no-metadata-service', { metadataOptions: { httpEndpoint: 'enabled' } }],
    ['no-instance-profile', { iamInstanceProfile: 'admin' }],
    ['ends-on-shutdown', { instanceInitiatedShutdownBehavior: 'stop' }],
  ])('a machine that breaks the rule %s ends the program', async (rule, worse) => {
    const program = () => {
      preflight();
      const provider = new Provider('aws', { region: REGION });
      const inputs = { ...instanceArguments(runInputs(RUN, network), pulumiOutput('eni-1')), ...worse };
      return Promise.resolve({ id: new awsEc2.Instance('machine', inputs, { provider }).id });
    };
    const stack = await openProgram(RUN, program);
    await expect(stack.up(never, ignore)).rejects.toThrow(`keeps to the rule ${rule}`);
    expect(chaos.log).not.toContain('RunInstances');
  });
});

test('every call of a whole run is permitted to the orchestrator, by name', async () => {
  chaos.reset();
  const stack = await open(() => runInputs(RUN, network));
  await stack.up(never, ignore);
  await stack.destroy(ignore);
  const place = { accountId: ACCOUNT, region: REGION, installationId: 'x' };
  const means = { bucket: 'x', evidenceKeyArn: 'x', caKeyArn: 'x', evidenceSigningKeyArn: 'x' };
  const permitted = orchestratorStatements(place, means).flatMap(({ actions }) => actions);
  const called = new Set(chaos.log.filter((action) => action !== 'GetCallerIdentity').map((action) => `ec2:${action}`));
  expect([...called].filter((action) => !permitted.includes(action))).toEqual([]);
  expect(called).toContain('ec2:RunInstances');
});

/** Asked of the service, not of the stack. */
async function expectLockedDown(inputs: RunInputs, outputs: RunOutputs): Promise<void> {
  const [machine] = await instances();
  expect(machine?.InstanceId).toBe(outputs.machineId);
  expect(machine?.MetadataOptions?.HttpEndpoint).toBe('disabled');
  expect(machine?.IamInstanceProfile).toBeUndefined();
  expect(machine?.KeyName).toBeUndefined();
  expect(machine?.PublicIpAddress).toBeUndefined();
  const tags = Object.entries(runTags(inputs)).map(([Key, Value]) => ({ Key, Value }));
  const [group] = await groupsOf();
  expect(group?.IpPermissionsEgress).toEqual([]);
  expect(group?.IpPermissions).toMatchObject([
    { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: '10.84.0.10/32' }], UserIdGroupPairs: [] },
  ]);
  const [nic] = await interfaces();
  expect(nic?.Groups?.map(({ GroupId }) => GroupId)).toEqual([outputs.securityGroupId]);
  expect(nic?.NetworkInterfaceId).toBe(outputs.interfaceId);
  expect(nic?.PrivateIpAddress).toBe(outputs.address);
  const [volume] = await volumes();
  expect(volume).toMatchObject({ VolumeId: outputs.volumeId, Encrypted: true, Size: 4, VolumeType: 'gp3' });
  expect(machine?.BlockDeviceMappings?.map(({ Ebs }) => Ebs?.DeleteOnTermination)).toEqual([true]);
  for (const carried of [machine?.Tags, group?.Tags, nic?.TagSet, volume?.Tags])
    expect(carried).toEqual(expect.arrayContaining(tags));
  const { InstanceInitiatedShutdownBehavior: behaviour } = await ec2.send(
    new DescribeInstanceAttributeCommand({
      InstanceId: outputs.machineId,
      Attribute: 'instanceInitiatedShutdownBehavior',
    }),
  );
  expect(behaviour?.Value).toBe('terminate');
}

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DeleteSecurityGroupCommand,
  DescribeInstancesCommand,
  DescribeSecurityGroupsCommand,
  type EC2Client,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { ec2 as aws, Provider } from '@pulumi/aws';
import type { CustomResourceOptions } from '@pulumi/pulumi';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { groupArguments, instanceArguments, interfaceArguments } from '../../../../infra/aws/run/machine.ts';
import type { OpenStack } from '../../../../infra/pulumi/stack.ts';
import { type Account, openStackIn, startAccount } from '../account.ts';
import { ACCOUNT, REGION } from '../clients.ts';
import { makeNetwork, runInputs, type TestNetwork } from '../network.ts';

/** Quick when idle; a machine that boots VMs beside it takes its time. */
vi.setConfig({ testTimeout: 240_000 });

let account: Account;
let ec2: EC2Client;
let network: TestNetwork;
let folder: string;
beforeAll(async () => {
  account = await startAccount();
  ({ ec2 } = account);
});
afterAll(() => account[Symbol.asyncDispose]());
beforeEach(async () => {
  await account.moto.reset();
  network = await makeNetwork(ec2);
  folder = mkdtempSync(join(tmpdir(), 'fake-aws-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const never = new AbortController().signal;
const RULE = { description: 'x', protocol: 'tcp', fromPort: 22, toPort: 22, cidrBlocks: ['10.84.0.11/32'] };
const ignore = (): void => undefined;
const inputs = () => runInputs('aa0000000001', network);

/** Runs what a test makes, with a provider of this region. */
function stackOf(make: (options: CustomResourceOptions) => void, allowed = ACCOUNT): Promise<OpenStack> {
  const program = () => {
    make({ provider: new Provider('aws', { region: REGION, allowedAccountIds: [allowed] }) });
    return Promise.resolve({});
  };
  return openStackIn(folder, account, { name: 'fake', project: 'fake', program });
}

function launchOn(nic: aws.NetworkInterface, options: CustomResourceOptions, name = 'machine'): aws.Instance {
  return new aws.Instance(name, instanceArguments(inputs(), nic.id), options);
}

function makeInterface(options: CustomResourceOptions): aws.NetworkInterface {
  const group = new aws.SecurityGroup('group', groupArguments(inputs()), options);
  return new aws.NetworkInterface('interface', interfaceArguments(inputs(), [group.id]), options);
}

async function states(): Promise<(string | undefined)[]> {
  const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand({}));
  return Reservations.flatMap(({ Instances = [] }) => Instances.map(({ State }) => State?.Name));
}

test.each([
  ['an input', { revokeRulesOnDelete: true }, 'revokeRulesOnDelete'],
  ['a field within one', { ingress: [{ ...RULE, ipv6CidrBlocks: ['::/0'] }] }, 'ingress.ipv6CidrBlocks'],
])('refuses %s that it does not act on', async (_what, more, path) => {
  const stack = await stackOf((options) => {
    new aws.SecurityGroup('group', { ...groupArguments(inputs()), ...more }, options);
  });
  await expect(stack.up(never, ignore)).rejects.toThrow(`does not act on aws:ec2/securityGroup:SecurityGroup ${path}`);
});

test('changes what it can change in place', async () => {
  const bring = async (more: object): Promise<void> => {
    const stack = await stackOf((options) => {
      new aws.SecurityGroup('group', { ...groupArguments(inputs()), ...more }, options);
    });
    await stack.up(never, ignore);
  };
  await bring({});
  const before = account.provider.log.length;
  await bring({ ingress: [RULE] });
  expect(account.provider.log.slice(before)).toEqual(['update aws:ec2/securityGroup:SecurityGroup']);
  const { SecurityGroups: [group] = [] } = await ec2.send(
    new DescribeSecurityGroupsCommand({ Filters: [{ Name: 'group-name', Values: ['burnbag-aa0000000001'] }] }),
  );
  const ranges = group?.IpPermissions?.flatMap(({ IpRanges = [] }) => IpRanges.map(({ CidrIp }) => CidrIp));
  expect(ranges).toEqual(['10.84.0.11/32']);
});

test('refuses to pretend where it changes nothing', async () => {
  const bring = async (assignIpv6AddressOnCreation: boolean): Promise<void> => {
    const stack = await stackOf((options) => {
      const where = { vpcId: network.vpcId, availabilityZone: `${REGION}c`, cidrBlock: '10.83.9.0/24' };
      new aws.Subnet('subnet', { ...where, mapPublicIpOnLaunch: false, assignIpv6AddressOnCreation }, options);
    });
    await stack.up(never, ignore);
  };
  await bring(false);
  await expect(bring(true)).rejects.toThrow('does not update aws:ec2/subnet:Subnet assignIpv6AddressOnCreation');
});

test('refuses an account that is not among the allowed ones', async () => {
  const stack = await stackOf(makeInterface, '999999999999');
  await expect(stack.up(never, ignore)).rejects.toThrow(`AWS account ID not allowed: ${ACCOUNT}`);
});

test('leaves a security group the rules of its program, and not the one that lets everything out', async () => {
  const stack = await stackOf((options) => {
    new aws.SecurityGroup('group', groupArguments(inputs()), options);
  });
  await stack.up(never, ignore);
  const { SecurityGroups: [group] = [] } = await ec2.send(
    new DescribeSecurityGroupsCommand({ Filters: [{ Name: 'group-name', Values: ['burnbag-aa0000000001'] }] }),
  );
  expect(group?.IpPermissionsEgress).toEqual([]);
  expect(group?.IpPermissions).toHaveLength(1);
});

test('launches one machine on an interface: a second is refused in the service’s words', async () => {
  const stack = await stackOf((options) => {
    const nic = makeInterface(options);
    const first = launchOn(nic, options);
    launchOn(nic, { ...options, dependsOn: [first] }, 'second');
  });
  await expect(stack.up(never, ignore)).rejects.toThrow('api error InvalidNetworkInterface.InUse');
  expect(await states()).toEqual(['running']);
  await stack.destroy(ignore);
  expect(await states()).toEqual(['terminated']);
});

test('takes what somebody else ended or deleted for gone', async () => {
  const stack = await stackOf((options) => {
    launchOn(makeInterface(options), options);
  });
  await stack.up(never, ignore);
  const { Reservations: [reservation] = [] } = await ec2.send(new DescribeInstancesCommand({}));
  await ec2.send(new TerminateInstancesCommand({ InstanceIds: [reservation?.Instances?.[0]?.InstanceId ?? ''] }));
  await stack.destroy(ignore);
  const { SecurityGroups = [] } = await ec2.send(new DescribeSecurityGroupsCommand({}));
  expect(SecurityGroups.filter(({ GroupName }) => GroupName?.startsWith('burnbag-'))).toEqual([]);
});

test('moto refuses to delete a group that is in use', async () => {
  const stack = await stackOf(makeInterface);
  await stack.up(never, ignore);
  const { SecurityGroups: [group] = [] } = await ec2.send(
    new DescribeSecurityGroupsCommand({ Filters: [{ Name: 'group-name', Values: ['burnbag-aa0000000001'] }] }),
  );
  const request = new DeleteSecurityGroupCommand({ GroupId: group?.GroupId });
  await expect(ec2.send(request)).rejects.toMatchObject({ name: 'DependencyViolation' });
});

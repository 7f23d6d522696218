import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BudgetsClient, DescribeBudgetsCommand } from '@aws-sdk/client-budgets';
import { CloudTrailClient, GetTrailStatusCommand } from '@aws-sdk/client-cloudtrail';
import {
  DescribeInternetGatewaysCommand,
  DescribeNetworkAclsCommand,
  DescribeNetworkInterfacesCommand,
  DescribeRouteTablesCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  DescribeVpcAttributeCommand,
  DescribeVpcEndpointsCommand,
  DescribeVpcsCommand,
  type EC2Client,
} from '@aws-sdk/client-ec2';
import { GetRoleCommand, type IAMClient, ListRolePoliciesCommand } from '@aws-sdk/client-iam';
import { DescribeKeyCommand, GetKeyPolicyCommand, type KMSClient } from '@aws-sdk/client-kms';
import {
  GetBucketEncryptionCommand,
  GetBucketVersioningCommand,
  GetObjectLockConfigurationCommand,
  GetPublicAccessBlockCommand,
  ListBucketsCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { ACCOUNT, clientOptions } from '../../../test/support/aws/clients.ts';
import { type Deployed, deployFoundation } from '../../../test/support/aws/foundation.ts';
import { runInputs } from '../../../test/support/aws/network.ts';
import { RunOutputs } from '../run/inputs.ts';
import { runProgram } from '../run/program.ts';
import { FoundationInputs } from './inputs.ts';
import main from './main.ts';
import type { FoundationOutputs } from './outputs.ts';

/** Quick when idle; a machine that boots VMs beside it takes its time. */
vi.setConfig({ testTimeout: 240_000 });

let deployed: Deployed;
let outputs: FoundationOutputs;
const clients = () => clientOptions(deployed.account.moto.url);
const never = new AbortController().signal;
const ignore = (): void => undefined;

let ec2: EC2Client;
let s3: S3Client;
let kms: KMSClient;
let iam: IAMClient;
beforeAll(async () => {
  deployed = await deployFoundation();
  ({ outputs } = deployed);
  ({ ec2 } = deployed.account);
  ({ s3, kms, iam } = deployed.clients);
});
afterAll(() => deployed[Symbol.asyncDispose]());

const ofVpc = (...ids: string[]) => ({ Filters: [{ Name: 'vpc-id', Values: ids }] });

describe('the network', () => {
  test('of the sandboxes resolves no name', async () => {
    const { EnableDnsSupport: resolver } = await ec2.send(
      new DescribeVpcAttributeCommand({ VpcId: outputs.sandboxVpcId, Attribute: 'enableDnsSupport' }),
    );
    expect(resolver?.Value).toBe(false);
  });

  test('has no gateway, no public address, and no route but to its one neighbour', async () => {
    const { InternetGateways = [] } = await ec2.send(new DescribeInternetGatewaysCommand({}));
    const vpcs = [outputs.sandboxVpcId, outputs.relayVpcId];
    const attached = InternetGateways.flatMap(({ Attachments = [] }) => Attachments.map(({ VpcId = '' }) => VpcId));
    expect(attached.filter((id) => vpcs.includes(id))).toEqual([]);
    const { Subnets = [] } = await ec2.send(new DescribeSubnetsCommand(ofVpc(...vpcs)));
    expect(Subnets.map(({ MapPublicIpOnLaunch }) => MapPublicIpOnLaunch)).toEqual([false, false, false]);
    const { RouteTables = [] } = await ec2.send(new DescribeRouteTablesCommand(ofVpc(outputs.sandboxVpcId)));
    const routes = RouteTables.flatMap(({ Routes = [] }) => Routes.map(({ DestinationCidrBlock: to }) => to));
    expect(new Set(routes)).toEqual(new Set(['10.83.0.0/16', '10.84.0.0/24']));
  });

  test('lets nothing through but the relay to port 22, in its access list too', async () => {
    const { NetworkAcls = [] } = await ec2.send(new DescribeNetworkAclsCommand(ofVpc(outputs.sandboxVpcId)));
    const ours = NetworkAcls.find(({ IsDefault }) => IsDefault !== true);
    const allowed = (ours?.Entries ?? []).filter(({ RuleAction }) => RuleAction === 'allow');
    const rows = allowed.map(({ Egress, CidrBlock, PortRange }) => [Egress, CidrBlock, PortRange?.From, PortRange?.To]);
    expect(rows).toEqual([
      [false, '10.84.0.0/24', 22, 22],
      [true, '10.84.0.0/24', 1024, 65535],
    ]);
    const subnets = ours?.Associations?.map(({ SubnetId }) => SubnetId);
    expect(new Set(subnets)).toEqual(new Set(outputs.sandboxSubnets.map(({ id }) => id)));
  });

  test('leaves whoever names no group without any rule', async () => {
    const { SecurityGroups = [] } = await ec2.send(
      new DescribeSecurityGroupsCommand(ofVpc(outputs.sandboxVpcId, outputs.relayVpcId)),
    );
    const defaults = SecurityGroups.filter(({ GroupName }) => GroupName === 'default');
    expect(defaults).toHaveLength(2);
    for (const group of defaults) expect([group.IpPermissions, group.IpPermissionsEgress]).toEqual([[], []]);
  });

  test('has the relay at its address, with a way to the sandboxes and to S3 alone', async () => {
    const { NetworkInterfaces: [nic] = [] } = await ec2.send(
      new DescribeNetworkInterfacesCommand({ NetworkInterfaceIds: [outputs.relayInterfaceId] }),
    );
    expect(nic?.PrivateIpAddress).toBe('10.84.0.10');
    expect(outputs.relayAddress).toBe('10.84.0.10');
    const { SecurityGroups: [group] = [] } = await ec2.send(
      new DescribeSecurityGroupsCommand({ GroupIds: [outputs.relaySecurityGroupId] }),
    );
    const out = (group?.IpPermissionsEgress ?? []).map((rule) => [
      rule.FromPort,
      rule.IpRanges?.map(({ CidrIp }) => CidrIp),
      rule.PrefixListIds?.length,
    ]);
    expect(out).toEqual(expect.arrayContaining([[22, ['10.83.0.0/16'], 0]]));
    const { VpcEndpoints = [] } = await ec2.send(new DescribeVpcEndpointsCommand({}));
    expect(VpcEndpoints.map(({ VpcId }) => VpcId)).toEqual(Array(4).fill(outputs.relayVpcId));
  });
});

describe('the evidence', () => {
  test('bucket has a lock that nobody can undo, versions, its own key and no public access', async () => {
    const Bucket = outputs.evidenceBucket;
    const { ObjectLockConfiguration: lock } = await s3.send(new GetObjectLockConfigurationCommand({ Bucket }));
    expect(lock?.Rule?.DefaultRetention).toMatchObject({ Mode: 'COMPLIANCE', Days: 30 });
    expect((await s3.send(new GetBucketVersioningCommand({ Bucket }))).Status).toBe('Enabled');
    const { ServerSideEncryptionConfiguration: encryption } = await s3.send(new GetBucketEncryptionCommand({ Bucket }));
    expect(encryption?.Rules?.[0]?.ApplyServerSideEncryptionByDefault).toEqual({
      SSEAlgorithm: 'aws:kms',
      KMSMasterKeyID: outputs.evidenceKeyArn,
    });
    const { PublicAccessBlockConfiguration: access } = await s3.send(new GetPublicAccessBlockCommand({ Bucket }));
    expect(Object.values(access ?? {})).toEqual([true, true, true, true]);
  });

  test('signing keys sign for the orchestrator, and for nobody who keeps them', async () => {
    for (const KeyId of [outputs.caKeyArn, outputs.evidenceSigningKeyArn]) {
      const { KeyMetadata: key } = await kms.send(new DescribeKeyCommand({ KeyId }));
      expect(key).toMatchObject({ KeyUsage: 'SIGN_VERIFY', KeySpec: 'ECC_NIST_P256' });
      const { Policy: policy = '' } = await kms.send(new GetKeyPolicyCommand({ KeyId, PolicyName: 'default' }));
      const statements = (JSON.parse(policy) as { Statement: { Principal: { AWS: string }; Action: string[] }[] })
        .Statement;
      const signers = statements.filter(({ Action }) => Action.includes('kms:Sign'));
      expect(signers.map(({ Principal }) => Principal.AWS)).toEqual([outputs.orchestratorRoleArn]);
    }
  });

  test('trail is recording', async () => {
    const cloudTrail = new CloudTrailClient(clients());
    const { IsLogging } = await cloudTrail.send(new GetTrailStatusCommand({ Name: outputs.trailArn }));
    expect(IsLogging).toBe(true);
    cloudTrail.destroy();
  });
});

test('every role has a policy and a boundary', async () => {
  for (const arn of [
    outputs.orchestratorRoleArn,
    outputs.reaperRoleArn,
    outputs.readerRoleArn,
    outputs.publisherRoleArn,
  ]) {
    const RoleName = arn.split('/').at(-1) ?? '';
    const { Role: role } = await iam.send(new GetRoleCommand({ RoleName }));
    expect(role?.PermissionsBoundary?.PermissionsBoundaryArn).toBe(
      `arn:aws:iam::${ACCOUNT}:policy/burnbag-contract-boundary`,
    );
    expect((await iam.send(new ListRolePoliciesCommand({ RoleName }))).PolicyNames).toEqual(['burnbag']);
  }
});

test('the budget watches the cost of this installation', async () => {
  const budgets = new BudgetsClient(clients());
  const { Budgets = [] } = await budgets.send(new DescribeBudgetsCommand({ AccountId: ACCOUNT }));
  expect(Budgets.map(({ BudgetName, BudgetLimit }) => [BudgetName, BudgetLimit?.Amount])).toEqual([
    ['burnbag-contract', '50'],
  ]);
  budgets.destroy();
});

test('brought up again, by the program that Pulumi.yaml names, it changes nothing', async () => {
  const { log } = deployed.account.provider;
  const before = log.length;
  const again = await deployed.open('foundation', main);
  expect(await again.up(never, ignore)).toEqual(outputs);
  expect(log.slice(before)).toEqual([]);
});

test('Pulumi.yaml names that program', async () => {
  const text = await readFile(join(import.meta.dirname, '../../../Pulumi.yaml'), 'utf8');
  expect(/^main: (.*)$/m.exec(text)?.[1]).toBe('infra/aws/foundation/main.ts');
  expect(/^name: (.*)$/m.exec(text)?.[1]).toBe('burnbag-foundation');
});

test('docs/aws.md says what every input means', async () => {
  const text = await readFile(join(import.meta.dirname, '../../../docs/aws.md'), 'utf8');
  const named = Object.keys(FoundationInputs.shape).filter(
    (name) => !new RegExp(`^\\| .*\`${name}\`.* \\|`, 'm').test(text),
  );
  expect(named).toEqual([]);
});

test('a run stands on it', async () => {
  const [subnet] = outputs.sandboxSubnets;
  const inputs = {
    ...runInputs('aa0000000009', { vpcId: outputs.sandboxVpcId, subnets: [subnet?.id ?? '', ''] }),
    relayAddress: outputs.relayAddress,
  };
  const run = await deployed.open(
    'run',
    runProgram(() => inputs),
  );
  expect(RunOutputs.parse(await run.up(never, ignore)).address).toMatch(/^10\.83\.0\./);
  await run.destroy(ignore);
});

test('taken down it leaves the evidence, its keys and the trail’s records, and nothing else', async () => {
  expect(await deployed.stack.destroy(ignore)).toEqual({ unresolved: [] });
  const { Vpcs = [] } = await ec2.send(
    new DescribeVpcsCommand({ Filters: [{ Name: 'tag-key', Values: ['burnbag:role'] }] }),
  );
  expect(Vpcs).toEqual([]);
  await expect(iam.send(new GetRoleCommand({ RoleName: 'burnbag-contract-orchestrator' }))).rejects.toMatchObject({
    name: 'NoSuchEntityException',
  });
  const { Buckets = [] } = await s3.send(new ListBucketsCommand({}));
  expect(new Set(Buckets.map(({ Name }) => Name?.split('-')[2]))).toEqual(new Set(['evidence', 'trail']));
  const { KeyMetadata: key } = await kms.send(new DescribeKeyCommand({ KeyId: outputs.evidenceKeyArn }));
  expect(key?.KeyState).toBe('Enabled');
});

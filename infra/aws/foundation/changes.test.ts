import { BudgetsClient, DescribeBudgetsCommand } from '@aws-sdk/client-budgets';
import {
  DescribeNetworkAclsCommand,
  DescribeRouteTablesCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  DescribeVpcEndpointsCommand,
  type EC2Client,
} from '@aws-sdk/client-ec2';
import { GetRoleCommand, GetRolePolicyCommand, type IAMClient } from '@aws-sdk/client-iam';
import { GetObjectLockConfigurationCommand, type S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { ACCOUNT, clientOptions, REGION } from '../../../test/support/aws/clients.ts';
import { evaluate } from '../../../test/support/aws/evaluate.ts';
import { CHANGED_INPUTS, FOUNDATION_INPUTS, MOVED_INPUTS } from '../../../test/support/aws/foundation-inputs.ts';
import { type Deployed, deployFoundation } from '../../../test/support/aws/foundation.ts';
import { FoundationInputs } from './inputs.ts';
import type { FoundationOutputs } from './outputs.ts';

/* One deployed foundation that is brought to other inputs, one after the other, each asked of the account. */

/** Quick when idle; a machine that boots VMs beside it takes its time. */
vi.setConfig({ testTimeout: 240_000 });

let deployed: Deployed;
let outputs: FoundationOutputs;
let ec2: EC2Client;
let s3: S3Client;
let iam: IAMClient;
beforeAll(async () => {
  deployed = await deployFoundation();
  ({ outputs } = deployed);
  ({ ec2 } = deployed.account);
  ({ s3, iam } = deployed.clients);
});
afterAll(() => deployed[Symbol.asyncDispose]());

const clients = () => clientOptions(deployed.account.moto.url);
const ofVpc = (...ids: string[]) => ({ Filters: [{ Name: 'vpc-id', Values: ids }] });

describe('with other inputs it', () => {
  let done: readonly string[];
  beforeAll(async () => {
    const changed = await deployed.bring(CHANGED_INPUTS);
    expect(changed.outputs).toEqual(outputs);
    ({ done } = changed);
  });

  test('is changed in place: nothing of it is made anew, and nothing goes', () => {
    expect(done.length).toBeGreaterThan(0);
    expect(done.filter((one) => !one.startsWith('update '))).toEqual([]);
  });

  test('lets the other clients in, and no longer the first ones', async () => {
    const { SecurityGroups = [] } = await ec2.send(
      new DescribeSecurityGroupsCommand({ Filters: [{ Name: 'group-name', Values: ['burnbag-contract-relay'] }] }),
    );
    const sources = SecurityGroups.flatMap(({ IpPermissions = [] }) => IpPermissions)
      .flatMap(({ IpRanges = [] }) => IpRanges)
      .map(({ CidrIp }) => CidrIp);
    expect(sources).toEqual(['192.168.8.0/24']);
    const { NetworkAcls = [] } = await ec2.send(new DescribeNetworkAclsCommand(ofVpc(outputs.relayVpcId)));
    const entries = NetworkAcls.flatMap(({ Entries = [] }) => Entries.map(({ CidrBlock }) => CidrBlock));
    expect(entries).toContain('192.168.8.0/24');
    expect(entries).not.toContain('192.168.7.0/24');
  });

  test('keeps evidence longer, trusts whom it is told, and warns later', async () => {
    const lock = await s3.send(new GetObjectLockConfigurationCommand({ Bucket: outputs.evidenceBucket }));
    expect(lock.ObjectLockConfiguration?.Rule?.DefaultRetention).toMatchObject({ Mode: 'COMPLIANCE', Days: 60 });
    const { Role: role } = await iam.send(new GetRoleCommand({ RoleName: 'burnbag-contract-orchestrator' }));
    expect(decodeURIComponent(role?.AssumeRolePolicyDocument ?? '')).toContain(`arn:aws:iam::${ACCOUNT}:role/ci`);
    const budgets = new BudgetsClient(clients());
    const { Budgets = [] } = await budgets.send(new DescribeBudgetsCommand({ AccountId: ACCOUNT }));
    expect(Budgets.map(({ BudgetLimit }) => BudgetLimit?.Amount)).toEqual(['80']);
    budgets.destroy();
  });

  test('brought up again, changes nothing', async () => {
    expect((await deployed.bring(CHANGED_INPUTS)).done).toEqual([]);
  });
});

describe('with another zone before the others, one gone, no endpoints, no budget and state in S3 it', () => {
  let done: readonly string[];
  let moved: FoundationOutputs;
  beforeAll(async () => {
    ({ outputs: moved, done } = await deployed.bring(MOVED_INPUTS));
  });

  test('makes and deletes what is of those, and nothing else', () => {
    const of = (verb: string) => done.filter((one) => one.startsWith(`${verb} `)).map((one) => one.split(':').at(-1));
    expect(of('create').toSorted()).toEqual(['RouteTableAssociation', 'Subnet']);
    expect(of('delete').toSorted()).toEqual([
      'Budget',
      'RouteTableAssociation',
      'SecurityGroup',
      'Subnet',
      ...Array<string>(3).fill('VpcEndpoint'),
    ]);
    expect(new Set(of('update'))).toEqual(new Set(['NetworkAcl', 'RolePolicy', 'SecurityGroup', 'VpcEndpoint']));
  });

  test('leaves the zone that stays and the relay where they are', () => {
    const [first] = outputs.sandboxSubnets;
    expect(moved.sandboxSubnets.map(({ zone }) => zone)).toEqual([`${REGION}c`, `${REGION}a`]);
    expect(moved.sandboxSubnets[1]).toEqual(first);
    expect({ ...moved, sandboxSubnets: outputs.sandboxSubnets }).toEqual({
      ...outputs,
      stateUrl: MOVED_INPUTS.state?.url,
    });
  });

  test('is in the account what it says', async () => {
    const { Subnets = [] } = await ec2.send(new DescribeSubnetsCommand(ofVpc(outputs.sandboxVpcId)));
    const places = Subnets.map(({ AvailabilityZone, CidrBlock }) => [AvailabilityZone, CidrBlock]);
    expect(places.toSorted()).toEqual([
      [`${REGION}a`, '10.83.0.0/24'],
      [`${REGION}c`, '10.83.2.0/24'],
    ]);
    const ids = new Set(moved.sandboxSubnets.map(({ id }) => id));
    const { NetworkAcls = [] } = await ec2.send(new DescribeNetworkAclsCommand(ofVpc(outputs.sandboxVpcId)));
    const ours = NetworkAcls.find(({ IsDefault }) => IsDefault !== true);
    expect(new Set(ours?.Associations?.map(({ SubnetId }) => SubnetId))).toEqual(ids);
    const { RouteTables = [] } = await ec2.send(new DescribeRouteTablesCommand(ofVpc(outputs.sandboxVpcId)));
    const routed = RouteTables.flatMap(({ Associations = [] }) =>
      Associations.flatMap(({ SubnetId }) => SubnetId ?? []),
    );
    expect(new Set(routed)).toEqual(ids);
    const { VpcEndpoints = [] } = await ec2.send(new DescribeVpcEndpointsCommand({}));
    const open = VpcEndpoints.filter(({ State }) => String(State).toLowerCase() !== 'deleted');
    expect(open.map(({ ServiceName }) => ServiceName)).toEqual([`com.amazonaws.${REGION}.s3`]);
    expect(open[0]?.PolicyDocument).toContain('arn:aws:s3:::pulumi-state/*');
  });

  test('grants the state to those that keep and remove it, below this installation’s path', async () => {
    const policyOf = async (role: string): Promise<string> => {
      const request = { RoleName: `burnbag-contract-${role}`, PolicyName: 'burnbag' };
      return decodeURIComponent((await iam.send(new GetRolePolicyCommand(request))).PolicyDocument ?? '');
    };
    const object = 'arn:aws:s3:::pulumi-state/team/contract/.pulumi/stacks/burnbag/run-aa0000000001.json';
    for (const [role, action, verdict] of [
      ['orchestrator', 's3:PutObject', 'allowed'],
      ['reaper', 's3:DeleteObject', 'allowed'],
      ['reaper', 's3:PutObject', 'refused'],
      ['reader', 's3:GetObject', 'refused'],
      ['publisher', 's3:DeleteObject', 'refused'],
    ] as const)
      expect(evaluate(await policyOf(role), { action, resource: object })).toMatchObject({ verdict });
  });

  test('lets the relay out to the sandboxes and to S3, and no longer to the endpoints', async () => {
    const { SecurityGroups = [] } = await ec2.send(new DescribeSecurityGroupsCommand(ofVpc(outputs.relayVpcId)));
    expect(SecurityGroups.map(({ GroupName }) => GroupName).toSorted()).toEqual(['burnbag-contract-relay', 'default']);
    const relay = SecurityGroups.find(({ GroupName }) => GroupName === 'burnbag-contract-relay');
    expect(relay?.IpPermissionsEgress?.map(({ FromPort }) => FromPort).toSorted()).toEqual([22, 443]);
  });

  test('brought up again, changes nothing', async () => {
    expect((await deployed.bring(MOVED_INPUTS)).done).toEqual([]);
  });
});

test.each([
  ['two zones of one letter', { zones: ['us-west-2a', 'us-west-2-lax-1a'] }],
  ['a zone without a letter', { zones: ['eu-central-1'] }],
  ['state in the bucket of the evidence', { state: { url: `s3://burnbag-contract-evidence-${ACCOUNT}-${REGION}` } }],
  ['state that is not in S3', { state: { url: 'https://app.pulumi.com' } }],
])('refused: %s', (_what, changed) => {
  expect(FoundationInputs.safeParse({ ...FOUNDATION_INPUTS, ...changed }).success).toBe(false);
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CloudTrailClient,
  GetEventSelectorsCommand,
  GetTrailStatusCommand,
  ListTagsCommand,
} from '@aws-sdk/client-cloudtrail';
import {
  DescribeNetworkAclsCommand,
  DescribeNetworkInterfacesCommand,
  DescribeRouteTablesCommand,
  DescribeSecurityGroupsCommand,
  DescribeTagsCommand,
  DescribeVpcAttributeCommand,
  DescribeVpcEndpointsCommand,
} from '@aws-sdk/client-ec2';
import { GetRoleCommand, IAMClient, ListPolicyTagsCommand } from '@aws-sdk/client-iam';
import {
  DescribeKeyCommand,
  GetKeyRotationStatusCommand,
  KMSClient,
  ListAliasesCommand,
  ListResourceTagsCommand,
} from '@aws-sdk/client-kms';
import { GetBucketTaggingCommand, S3Client } from '@aws-sdk/client-s3';
import { cloudtrail, ec2 as aws, iam, kms, Provider, s3 } from '@pulumi/aws';
import type { CustomResourceOptions, Output } from '@pulumi/pulumi';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Account, openStackIn, startAccount } from '../account.ts';
import { clientOptions, REGION } from '../clients.ts';

/*
 * What the fake provider says that it updates, it does: every input that a foundation's change can touch is changed once, and the
 * emulator asked.
 */

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const folder = mkdtempSync(join(tmpdir(), 'fake-updates-'));
const never = new AbortController().signal;
const ignore = (): void => undefined;
let account: Account;
let ids: Readonly<Record<string, string>>;
let done: readonly string[];
const clients: { kms: KMSClient; iam: IAMClient; s3: S3Client; cloudTrail: CloudTrailClient } = {} as never;
beforeAll(async () => {
  account = await startAccount();
  const options = clientOptions(account.moto.url);
  Object.assign(clients, {
    kms: new KMSClient(options),
    iam: new IAMClient(options),
    s3: new S3Client({ ...options, forcePathStyle: true }),
    cloudTrail: new CloudTrailClient(options),
  });
  await bring('before');
  const from = account.provider.log.length;
  ids = await bring('after');
  done = account.provider.log.slice(from);
});
afterAll(async () => {
  for (const client of Object.values(clients)) client.destroy();
  await account[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

type When = 'before' | 'after';

async function bring(when: When): Promise<Readonly<Record<string, string>>> {
  const program = () => Promise.resolve(everything(when, { provider: new Provider('aws', { region: REGION }) }));
  const stack = await openStackIn(folder, account, { name: 'updates', project: 'updates', program });
  return (await stack.up(never, ignore)) as Readonly<Record<string, string>>;
}

const TRUST = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { AWS: '*' }, Action: 'sts:AssumeRole' }],
});
const ALLOWED = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: '*' }],
});

function everything(when: When, options: CustomResourceOptions): Record<string, Output<string>> {
  return { ...network(when, options), ...others(when, options) };
}

function network(when: When, options: CustomResourceOptions): Record<string, Output<string>> {
  const is = when === 'after';
  const tags = { [when]: 'yes', both: when };
  const vpcId = new aws.Vpc(
    'vpc',
    { cidrBlock: '10.1.0.0/16', enableDnsHostnames: is, enableDnsSupport: true, tags },
    options,
  ).id;
  const peerVpcId = new aws.Vpc('peer', { cidrBlock: '10.2.0.0/16' }, options).id;
  const peering = new aws.VpcPeeringConnection('peering', { vpcId, peerVpcId, autoAccept: true, tags }, options);
  const subnet = (part: number) => {
    const where = { vpcId, cidrBlock: `10.1.${part}.0/24`, availabilityZone: `${REGION}a`, mapPublicIpOnLaunch: false };
    return new aws.Subnet(`subnet-${part}`, { ...where, tags }, options);
  };
  const subnets = [subnet(0), subnet(1)] as const;
  const route = { cidrBlock: is ? '10.2.0.0/24' : '10.2.1.0/24', vpcPeeringConnectionId: peering.id };
  const tables = ['first', 'second'].map((name) => new aws.RouteTable(name, { vpcId, routes: [route], tags }, options));
  const entry = {
    ruleNo: 100,
    action: 'allow',
    protocol: 'tcp',
    cidrBlock: '10.2.0.0/16',
    fromPort: 22,
    toPort: is ? 23 : 22,
  };
  const subnetIds = [subnets[is ? 1 : 0].id];
  const list = new aws.NetworkAcl('list', { vpcId, subnetIds, ingress: [entry], egress: [], tags }, options);
  const groups = ['one', 'two'].map(
    (name) => new aws.SecurityGroup(name, { name, description: name, vpcId, ingress: [], egress: [], tags }, options),
  );
  const securityGroups = [groups[is ? 1 : 0]?.id ?? ''];
  const rules = is ? [{ description: 'x', protocol: 'tcp', fromPort: 1, toPort: 1, cidrBlocks: ['10.1.0.0/16'] }] : [];
  const fallback = new aws.DefaultSecurityGroup('default', { vpcId, ingress: rules, egress: [], tags }, options);
  const nic = new aws.NetworkInterface(
    'nic',
    { subnetId: subnets[0].id, securityGroups, description: when, sourceDestCheck: is, tags },
    options,
  );
  const gateway = new aws.VpcEndpoint(
    's3',
    {
      ...{ vpcId, serviceName: `com.amazonaws.${REGION}.s3`, vpcEndpointType: 'Gateway', policy: `{"${when}":1}` },
      ...{ routeTableIds: [tables[is ? 1 : 0]?.id ?? ''], tags },
    },
    options,
  );
  const api = new aws.VpcEndpoint(
    'kms',
    {
      ...{ vpcId, serviceName: `com.amazonaws.${REGION}.kms`, vpcEndpointType: 'Interface', privateDnsEnabled: false },
      ...{ subnetIds: [subnets[is ? 1 : 0].id], securityGroupIds: securityGroups, tags },
    },
    options,
  );
  return {
    ...{ vpc: vpcId, peering: peering.id, subnet: subnets[1].id, table: tables[1]?.id ?? list.id, list: list.id },
    ...{ group: groups[1]?.id ?? list.id, default: fallback.id, nic: nic.id, gateway: gateway.id, api: api.id },
  };
}

function others(when: When, options: CustomResourceOptions): Record<string, Output<string>> {
  const is = when === 'after';
  const tags = { [when]: 'yes', both: when };
  const boundaries = ['low', 'high'].map(
    (name) => new iam.Policy(name, { name, description: name, policy: ALLOWED, tags }, options),
  );
  const role = new iam.Role(
    'role',
    {
      ...{ name: 'role', assumeRolePolicy: TRUST, maxSessionDuration: is ? 7_200 : 3_600 },
      ...{ permissionsBoundary: boundaries[is ? 1 : 0]?.arn ?? '', tags },
    },
    options,
  );
  const keys = ['first-key', 'second-key'].map(
    (name) =>
      new kms.Key(
        name,
        {
          ...{ description: when, enableKeyRotation: is, deletionWindowInDays: is ? 30 : 7 },
          ...{ policy: ALLOWED, tags },
        },
        options,
      ),
  );
  const target = keys[is ? 1 : 0];
  new kms.Alias('alias', { name: 'alias/burnbag-x', targetKeyId: target?.keyId ?? '' }, options);
  const bucket = new s3.Bucket('bucket', { bucket: 'updates-bucket', tags }, options);
  const policy = '{"Principal":"cloudtrail.amazonaws.com"}';
  const allowed = new s3.BucketPolicy('bucket', { bucket: bucket.bucket, policy }, options);
  const selector = [{ field: 'eventCategory', equals: [is ? 'Data' : 'Management'] }];
  const trail = new cloudtrail.Trail(
    'trail',
    {
      ...{ name: 'trail', s3BucketName: bucket.bucket, enableLogging: !is, enableLogFileValidation: true },
      ...{ includeGlobalServiceEvents: true, isMultiRegionTrail: true, tags },
      advancedEventSelectors: [{ name: when, fieldSelectors: selector }],
    },
    { ...options, dependsOn: [allowed] },
  );
  const policyArn = boundaries[1]?.arn ?? role.arn;
  return { role: role.name, policy: policyArn, key: target?.keyId ?? role.id, bucket: bucket.bucket, trail: trail.arn };
}

const AFTER = { after: 'yes', both: 'after' };
const named = (id: string): string => ids[id] ?? '';
const mapOf = (list: readonly { Key?: string | undefined; Value?: string | undefined }[] = []) =>
  Object.fromEntries(list.map(({ Key = '', Value }) => [Key, Value]));

test('everything is changed in place', () => {
  expect(done.length).toBeGreaterThan(20);
  expect(done.filter((one) => !one.startsWith('update '))).toEqual([]);
});

test('brought up again, nothing is', async () => {
  const from = account.provider.log.length;
  await bring('after');
  expect(account.provider.log.slice(from)).toEqual([]);
});

test.each(['vpc', 'peering', 'subnet', 'table', 'list', 'group', 'default', 'nic', 'gateway', 'api'])(
  'the tags of EC2’s %s are the new ones, and no others',
  async (what) => {
    const Filters = [{ Name: 'resource-id', Values: [named(what)] }];
    expect(mapOf((await account.ec2.send(new DescribeTagsCommand({ Filters }))).Tags)).toEqual(AFTER);
  },
);

test('the other services’ tags are, too', async () => {
  const { Role } = await clients.iam.send(new GetRoleCommand({ RoleName: 'role' }));
  const policy = await clients.iam.send(new ListPolicyTagsCommand({ PolicyArn: named('policy') }));
  const key = await clients.kms.send(new ListResourceTagsCommand({ KeyId: named('key') }));
  const bucket = await clients.s3.send(new GetBucketTaggingCommand({ Bucket: named('bucket') }));
  const trail = await clients.cloudTrail.send(new ListTagsCommand({ ResourceIdList: [named('trail')] }));
  const ofKey = key.Tags?.map(({ TagKey: Key, TagValue: Value }) => ({ Key, Value }));
  for (const tags of [Role?.Tags, policy.Tags, ofKey, bucket.TagSet, trail.ResourceTagList?.[0]?.TagsList])
    expect(mapOf(tags)).toEqual(AFTER);
});

test('names are resolved, routes lead and lists allow as they now say', async () => {
  const { ec2 } = account;
  const names = await ec2.send(
    new DescribeVpcAttributeCommand({ VpcId: named('vpc'), Attribute: 'enableDnsHostnames' }),
  );
  expect(names.EnableDnsHostnames?.Value).toBe(true);
  const tables = await ec2.send(new DescribeRouteTablesCommand({ RouteTableIds: [named('table')] }));
  const routes = tables.RouteTables?.flatMap(({ Routes = [] }) => Routes) ?? [];
  expect(routes.flatMap(({ DestinationCidrBlock: to }) => to ?? []).toSorted()).toEqual(['10.1.0.0/16', '10.2.0.0/24']);
  const lists = await ec2.send(new DescribeNetworkAclsCommand({ NetworkAclIds: [named('list')] }));
  const [list] = lists.NetworkAcls ?? [];
  expect(list?.Associations?.map(({ SubnetId }) => SubnetId)).toEqual([named('subnet')]);
  const allowed = list?.Entries?.filter(({ RuleAction }) => RuleAction === 'allow');
  expect(allowed?.map(({ Egress, PortRange }) => [Egress, PortRange?.To])).toEqual([[false, 23]]);
});

test('endpoints, groups and interfaces are as they now say', async () => {
  const { ec2 } = account;
  const ends = await ec2.send(new DescribeVpcEndpointsCommand({ VpcEndpointIds: [named('gateway'), named('api')] }));
  const gateway = ends.VpcEndpoints?.find(({ VpcEndpointId: id }) => id === named('gateway'));
  expect(gateway).toMatchObject({ RouteTableIds: [named('table')], PolicyDocument: '{"after":1}' });
  const api = ends.VpcEndpoints?.find(({ VpcEndpointId: id }) => id === named('api'));
  expect(api?.SubnetIds).toEqual([named('subnet')]);
  expect(api?.Groups?.map(({ GroupId }) => GroupId)).toEqual([named('group')]);
  const groups = await ec2.send(new DescribeSecurityGroupsCommand({ GroupIds: [named('default')] }));
  expect(groups.SecurityGroups?.[0]?.IpPermissions?.map(({ ToPort }) => ToPort)).toEqual([1]);
  const nics = await ec2.send(new DescribeNetworkInterfacesCommand({ NetworkInterfaceIds: [named('nic')] }));
  expect(nics.NetworkInterfaces).toMatchObject([{ Description: 'after', SourceDestCheck: true }]);
  expect(nics.NetworkInterfaces?.[0]?.Groups?.map(({ GroupId }) => GroupId)).toEqual([named('group')]);
});

test('role, key, alias and trail are as they now say', async () => {
  const { Role } = await clients.iam.send(new GetRoleCommand({ RoleName: 'role' }));
  expect(Role).toMatchObject({ MaxSessionDuration: 7_200 });
  expect(Role?.PermissionsBoundary?.PermissionsBoundaryArn).toBe(named('policy'));
  const { KeyMetadata } = await clients.kms.send(new DescribeKeyCommand({ KeyId: named('key') }));
  expect(KeyMetadata?.Description).toBe('after');
  const rotation = await clients.kms.send(new GetKeyRotationStatusCommand({ KeyId: named('key') }));
  expect(rotation.KeyRotationEnabled).toBe(true);
  const { Aliases = [] } = await clients.kms.send(new ListAliasesCommand({ KeyId: named('key') }));
  expect(Aliases.map(({ AliasName }) => AliasName)).toEqual(['alias/burnbag-x']);
  const status = await clients.cloudTrail.send(new GetTrailStatusCommand({ Name: named('trail') }));
  expect(status.IsLogging).toBe(false);
  const selectors = await clients.cloudTrail.send(new GetEventSelectorsCommand({ TrailName: 'trail' }));
  expect(selectors.AdvancedEventSelectors).toMatchObject([{ Name: 'after', FieldSelectors: [{ Equals: ['Data'] }] }]);
});

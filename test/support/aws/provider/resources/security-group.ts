import {
  AuthorizeSecurityGroupEgressCommand,
  AuthorizeSecurityGroupIngressCommand,
  CreateSecurityGroupCommand,
  DeleteSecurityGroupCommand,
  DescribeSecurityGroupsCommand,
  type IpPermission,
  RevokeSecurityGroupEgressCommand,
  RevokeSecurityGroupIngressCommand,
  type SecurityGroup,
} from '@aws-sdk/client-ec2';
import { InitFailed, type Properties } from '../../../../../infra/local/provider/resource.ts';
import { call, codeOf, unlessGone, until } from '../failure.ts';
import { count, list, text, texts } from '../inputs.ts';
import type { Cloud, Kind } from '../kind.ts';
import { retagInEc2 } from '../retag.ts';
import { tagged, tagMap } from '../tags.ts';

/** `aws:ec2/securityGroup:SecurityGroup` with its rules inline. */
export const securityGroup: Kind = {
  takes: ['name', 'description', 'vpcId', ...rulesOf('ingress'), ...rulesOf('egress'), 'tags.*'],
  replaces: ['name', 'description', 'vpcId'],
  create: async (cloud, inputs) => {
    const request = new CreateSecurityGroupCommand({
      GroupName: text(inputs, 'name'),
      Description: text(inputs, 'description'),
      VpcId: text(inputs, 'vpcId'),
      TagSpecifications: tagged('security-group', inputs['tags']),
    });
    const { GroupId: id = '' } = await call('creating Security Group', 'EC2', 'CreateSecurityGroup', () =>
      cloud.ec2.send(request),
    );
    try {
      await revokeAll(cloud, await until(`group ${id} to be there`, () => find(cloud, id)));
      await authorize(cloud, id, inputs);
      return { id, outputs: outputsOf(await until(`group ${id} to be there`, () => find(cloud, id)), inputs) };
    } catch (error) {
      throw new InitFailed(id, { ...inputs }, error);
    }
  },
  read: async (cloud, id, state) => {
    const found = await find(cloud, id);
    return found === undefined ? undefined : outputsOf(found, state);
  },
  updates: ['ingress', 'egress'],
  update: setRules,
  retag: retagInEc2,
  delete: async (cloud, id) => {
    await until(`group ${id} to be unused`, () => remove(cloud, id));
  },
};

/** What the fake acts on in a rule. */
function rulesOf(side: 'ingress' | 'egress'): readonly string[] {
  const fields = ['description', 'protocol', 'fromPort', 'toPort', 'cidrBlocks', 'prefixListIds', 'securityGroups'];
  return fields.map((field) => `${side}.${field}`);
}

/** `aws:ec2/defaultSecurityGroup:DefaultSecurityGroup`: takes over what the VPC made, and empties it. Its deletion leaves it as it is. */
export const defaultSecurityGroup: Kind = {
  takes: ['vpcId', ...rulesOf('ingress'), ...rulesOf('egress'), 'tags.*'],
  create: async (cloud, inputs) => {
    const filters = [
      { Name: 'vpc-id', Values: [text(inputs, 'vpcId')] },
      { Name: 'group-name', Values: ['default'] },
    ];
    const answer = await call('reading default Security Group', 'EC2', 'DescribeSecurityGroups', () =>
      cloud.ec2.send(new DescribeSecurityGroupsCommand({ Filters: filters })),
    );
    const [found] = answer.SecurityGroups ?? [];
    if (found?.GroupId === undefined) throw new Error('reading default Security Group: empty result');
    await revokeAll(cloud, found);
    await authorize(cloud, found.GroupId, inputs);
    return { id: found.GroupId, outputs: outputsOf(found, inputs) };
  },
  read: securityGroup.read,
  updates: ['ingress', 'egress'],
  update: setRules,
  retag: retagInEc2,
  delete: () => Promise.resolve(),
};

async function setRules(cloud: Cloud, id: string, inputs: Properties): Promise<Properties> {
  const found = await until(`group ${id} to be there`, () => find(cloud, id));
  await revokeAll(cloud, found);
  await authorize(cloud, id, inputs);
  return outputsOf(found, inputs);
}

/** The real provider, too, removes the rule that lets everything out: a group has the rules its program names. */
async function revokeAll(cloud: Cloud, group: SecurityGroup): Promise<void> {
  for (const permission of group.IpPermissionsEgress ?? []) {
    const request = new RevokeSecurityGroupEgressCommand({ GroupId: group.GroupId, IpPermissions: [permission] });
    await call('revoking rules', 'EC2', 'RevokeSecurityGroupEgress', () => cloud.ec2.send(request));
  }
  for (const permission of group.IpPermissions ?? []) {
    const request = new RevokeSecurityGroupIngressCommand({ GroupId: group.GroupId, IpPermissions: [permission] });
    await call('revoking rules', 'EC2', 'RevokeSecurityGroupIngress', () => cloud.ec2.send(request));
  }
}

/** One permission per call: moto answers with the rules of the last one only. */
async function authorize(cloud: Cloud, GroupId: string, inputs: Properties): Promise<void> {
  for (const IpPermissions of list(inputs, 'ingress').map((rule) => [permissionOf(rule)]))
    await call('authorizing Security Group (ingress) rules', 'EC2', 'AuthorizeSecurityGroupIngress', () =>
      cloud.ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId, IpPermissions })),
    );
  for (const IpPermissions of list(inputs, 'egress').map((rule) => [permissionOf(rule)]))
    await call('authorizing Security Group (egress) rules', 'EC2', 'AuthorizeSecurityGroupEgress', () =>
      cloud.ec2.send(new AuthorizeSecurityGroupEgressCommand({ GroupId, IpPermissions })),
    );
}

function permissionOf(rule: Properties): IpPermission {
  const Description = text(rule, 'description');
  return {
    IpProtocol: text(rule, 'protocol'),
    FromPort: count(rule, 'fromPort'),
    ToPort: count(rule, 'toPort'),
    IpRanges: texts(rule, 'cidrBlocks').map((CidrIp) => ({ CidrIp, Description })),
    PrefixListIds: texts(rule, 'prefixListIds').map((PrefixListId) => ({ PrefixListId, Description })),
    UserIdGroupPairs: texts(rule, 'securityGroups').map((GroupId) => ({ GroupId, Description })),
  };
}

async function remove(cloud: Cloud, id: string): Promise<true | undefined> {
  try {
    const request = new DeleteSecurityGroupCommand({ GroupId: id });
    await unlessGone(call('deleting Security Group', 'EC2', 'DeleteSecurityGroup', () => cloud.ec2.send(request)));
    return true;
  } catch (error) {
    if (codeOf(error) === 'DependencyViolation') return undefined;
    throw error;
  }
}

async function find(cloud: Cloud, id: string): Promise<SecurityGroup | undefined> {
  const request = new DescribeSecurityGroupsCommand({ GroupIds: [id] });
  const answer = await unlessGone(
    call('reading Security Group', 'EC2', 'DescribeSecurityGroups', () => cloud.ec2.send(request)),
  );
  return answer?.SecurityGroups?.[0];
}

function outputsOf(found: SecurityGroup, inputs: Properties): Properties {
  return { ...inputs, name: found.GroupName ?? '', ownerId: found.OwnerId ?? '', tagsAll: tagMap(found.Tags) };
}

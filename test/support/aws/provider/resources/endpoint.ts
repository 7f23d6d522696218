import {
  CreateVpcEndpointCommand,
  DeleteVpcEndpointsCommand,
  DescribeManagedPrefixListsCommand,
  DescribeVpcEndpointsCommand,
  type EC2Client,
  ModifyVpcEndpointCommand,
  type VpcEndpoint,
} from '@aws-sdk/client-ec2';
import { call, unlessGone } from '../failure.ts';
import { flag, optionalText, text, texts } from '../inputs.ts';
import type { Kind } from '../kind.ts';
import { retagInEc2 } from '../retag.ts';
import { tagged } from '../tags.ts';

/** `aws:ec2/vpcEndpoint:VpcEndpoint`. moto lists a deleted one for ever: deleted is gone. */
export const vpcEndpoint: Kind = {
  takes: [
    ...['vpcId', 'serviceName', 'vpcEndpointType', 'routeTableIds', 'policy', 'subnetIds'],
    ...['securityGroupIds', 'privateDnsEnabled', 'tags.*'],
  ],
  replaces: ['vpcId', 'serviceName', 'vpcEndpointType'],
  create: async ({ ec2, region }, inputs) => {
    const isGateway = text(inputs, 'vpcEndpointType') === 'Gateway';
    const request = new CreateVpcEndpointCommand({
      VpcId: text(inputs, 'vpcId'),
      ServiceName: text(inputs, 'serviceName'),
      VpcEndpointType: isGateway ? 'Gateway' : 'Interface',
      PolicyDocument: optionalText(inputs, 'policy'),
      ...(isGateway && { RouteTableIds: texts(inputs, 'routeTableIds') }),
      ...(!isGateway && {
        SubnetIds: texts(inputs, 'subnetIds'),
        SecurityGroupIds: texts(inputs, 'securityGroupIds'),
        PrivateDnsEnabled: flag(inputs, 'privateDnsEnabled'),
      }),
      TagSpecifications: tagged('vpc-endpoint', inputs['tags']),
    });
    const answer = await call('creating EC2 VPC Endpoint', 'EC2', 'CreateVpcEndpoint', () => ec2.send(request));
    const prefixListId = isGateway ? await prefixListOf(ec2, `com.amazonaws.${region}.s3`) : '';
    return { id: answer.VpcEndpoint?.VpcEndpointId ?? '', outputs: { ...inputs, prefixListId } };
  },
  updates: ['policy', 'routeTableIds', 'subnetIds', 'securityGroupIds'],
  update: async ({ ec2 }, id, inputs) => {
    const found = await find(ec2, id);
    const [addTables, removeTables] = moves(found?.RouteTableIds, texts(inputs, 'routeTableIds'));
    const [addSubnets, removeSubnets] = moves(found?.SubnetIds, texts(inputs, 'subnetIds'));
    const groups = found?.Groups?.map(({ GroupId = '' }) => GroupId);
    const [addGroups, removeGroups] = moves(groups, texts(inputs, 'securityGroupIds'));
    const request = new ModifyVpcEndpointCommand({
      VpcEndpointId: id,
      PolicyDocument: optionalText(inputs, 'policy'),
      ...{ AddRouteTableIds: addTables, RemoveRouteTableIds: removeTables },
      ...{ AddSubnetIds: addSubnets, RemoveSubnetIds: removeSubnets },
      ...{ AddSecurityGroupIds: addGroups, RemoveSecurityGroupIds: removeGroups },
    });
    await call('modifying EC2 VPC Endpoint', 'EC2', 'ModifyVpcEndpoint', () => ec2.send(request));
    return inputs;
  },
  retag: retagInEc2,
  read: async ({ ec2 }, id, state) => {
    const found = await find(ec2, id);
    return found === undefined || String(found.State).toLowerCase() === 'deleted' ? undefined : state;
  },
  delete: async ({ ec2 }, id) => {
    const request = new DeleteVpcEndpointsCommand({ VpcEndpointIds: [id] });
    await unlessGone(call('deleting EC2 VPC Endpoint', 'EC2', 'DeleteVpcEndpoints', () => ec2.send(request)));
  },
};

/** What is to be added and what removed; nothing is said of what stays. */
function moves(had: readonly string[] = [], wanted: readonly string[]): readonly (string[] | undefined)[] {
  const [added, gone] = [wanted.filter((id) => !had.includes(id)), had.filter((id) => !wanted.includes(id))];
  return [added, gone].map((ids) => (ids.length === 0 ? undefined : ids));
}

async function find(ec2: EC2Client, id: string): Promise<VpcEndpoint | undefined> {
  return (await unlessGone(ec2.send(new DescribeVpcEndpointsCommand({ VpcEndpointIds: [id] }))))?.VpcEndpoints?.[0];
}

async function prefixListOf(ec2: EC2Client, name: string): Promise<string> {
  const filter = { Name: 'prefix-list-name', Values: [name] };
  const { PrefixLists = [] } = await ec2.send(new DescribeManagedPrefixListsCommand({ Filters: [filter] }));
  return PrefixLists[0]?.PrefixListId ?? '';
}

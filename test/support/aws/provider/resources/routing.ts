import {
  AssociateRouteTableCommand,
  CreateNetworkAclCommand,
  CreateNetworkAclEntryCommand,
  CreateRouteCommand,
  CreateRouteTableCommand,
  CreateVpcEndpointCommand,
  DeleteNetworkAclCommand,
  DeleteNetworkAclEntryCommand,
  DeleteRouteTableCommand,
  DeleteVpcEndpointsCommand,
  DescribeManagedPrefixListsCommand,
  DescribeNetworkAclsCommand,
  DescribeRouteTablesCommand,
  DescribeVpcEndpointsCommand,
  DisassociateRouteTableCommand,
  type EC2Client,
  ReplaceNetworkAclAssociationCommand,
} from '@aws-sdk/client-ec2';
import type { Properties } from '../../../../../infra/local/provider/resource.ts';
import { call, unlessGone } from '../failure.ts';
import { count, flag, list, optionalText, text, texts } from '../inputs.ts';
import type { Kind } from '../kind.ts';
import { tagged } from '../tags.ts';
import { deleteWhenUnused } from './network.ts';

/** `aws:ec2/routeTable:RouteTable` with its routes inline. */
export const routeTable: Kind = {
  takes: ['vpcId', 'routes.cidrBlock', 'routes.vpcPeeringConnectionId', 'tags.*'],
  replaces: ['vpcId'],
  create: async ({ ec2 }, inputs) => {
    const request = { VpcId: text(inputs, 'vpcId'), TagSpecifications: tagged('route-table', inputs['tags']) };
    const answer = await call('creating Route Table', 'EC2', 'CreateRouteTable', () =>
      ec2.send(new CreateRouteTableCommand(request)),
    );
    const id = answer.RouteTable?.RouteTableId ?? '';
    for (const route of list(inputs, 'routes')) {
      const wanted = new CreateRouteCommand({
        RouteTableId: id,
        DestinationCidrBlock: text(route, 'cidrBlock'),
        VpcPeeringConnectionId: text(route, 'vpcPeeringConnectionId'),
      });
      await call('creating Route', 'EC2', 'CreateRoute', () => ec2.send(wanted));
    }
    return { id, outputs: inputs };
  },
  read: async ({ ec2 }, id, state) => {
    const found = await unlessGone(ec2.send(new DescribeRouteTablesCommand({ RouteTableIds: [id] })));
    return found?.RouteTables?.[0] === undefined ? undefined : state;
  },
  delete: ({ ec2 }, id) => deleteWhenUnused(id, () => ec2.send(new DeleteRouteTableCommand({ RouteTableId: id }))),
};

/** `aws:ec2/routeTableAssociation:RouteTableAssociation`. */
export const routeTableAssociation: Kind = {
  takes: ['subnetId', 'routeTableId'],
  replaces: ['subnetId'],
  create: async ({ ec2 }, inputs) => {
    const request = { SubnetId: text(inputs, 'subnetId'), RouteTableId: text(inputs, 'routeTableId') };
    const answer = await call('associating Route Table', 'EC2', 'AssociateRouteTable', () =>
      ec2.send(new AssociateRouteTableCommand(request)),
    );
    return { id: answer.AssociationId ?? '', outputs: inputs };
  },
  read: (_cloud, _id, state) => Promise.resolve(state),
  delete: async ({ ec2 }, id) => {
    await unlessGone(ec2.send(new DisassociateRouteTableCommand({ AssociationId: id })));
  },
};

/** `aws:ec2/networkAcl:NetworkAcl` with its entries and its subnets. */
export const networkAcl: Kind = {
  takes: ['vpcId', 'subnetIds', ...entriesOf('ingress'), ...entriesOf('egress'), 'tags.*'],
  replaces: ['vpcId'],
  create: async ({ ec2 }, inputs) => {
    const request = { VpcId: text(inputs, 'vpcId'), TagSpecifications: tagged('network-acl', inputs['tags']) };
    const answer = await call('creating EC2 Network ACL', 'EC2', 'CreateNetworkAcl', () =>
      ec2.send(new CreateNetworkAclCommand(request)),
    );
    const id = answer.NetworkAcl?.NetworkAclId ?? '';
    await fill(ec2, id, inputs);
    return { id, outputs: inputs };
  },
  updates: ['ingress', 'egress'],
  update: async ({ ec2 }, id, inputs) => {
    await empty(ec2, id);
    await fill(ec2, id, inputs);
    return inputs;
  },
  read: async ({ ec2 }, id, state) => {
    const found = await unlessGone(ec2.send(new DescribeNetworkAclsCommand({ NetworkAclIds: [id] })));
    return found?.NetworkAcls?.[0] === undefined ? undefined : state;
  },
  delete: async ({ ec2 }, id, state) => {
    const filters = [
      { Name: 'vpc-id', Values: [text(state, 'vpcId')] },
      { Name: 'default', Values: ['true'] },
    ];
    const lists = await ec2.send(new DescribeNetworkAclsCommand({ Filters: filters }));
    const fallback = lists.NetworkAcls?.[0]?.NetworkAclId;
    for (const subnetId of texts(state, 'subnetIds'))
      if (fallback !== undefined)
        await associate(ec2, fallback, { Name: 'association.network-acl-id', Values: [id] }, subnetId);
    await deleteWhenUnused(id, () => ec2.send(new DeleteNetworkAclCommand({ NetworkAclId: id })));
  },
};

/** What the fake acts on in an entry. */
function entriesOf(side: 'ingress' | 'egress'): readonly string[] {
  return ['ruleNo', 'action', 'protocol', 'cidrBlock', 'fromPort', 'toPort'].map((field) => `${side}.${field}`);
}

async function fill(ec2: EC2Client, id: string, inputs: Properties): Promise<void> {
  for (const [name, isOut] of [
    ['ingress', false],
    ['egress', true],
  ] as const)
    for (const entry of list(inputs, name)) await addEntry(ec2, id, isOut, entry);
  for (const subnetId of texts(inputs, 'subnetIds'))
    await associate(ec2, id, { Name: 'association.subnet-id', Values: [subnetId] }, subnetId);
}

/** All entries but the last one of each side, which denies the rest and is no one's to delete. */
async function empty(ec2: EC2Client, NetworkAclId: string): Promise<void> {
  const found = await ec2.send(new DescribeNetworkAclsCommand({ NetworkAclIds: [NetworkAclId] }));
  const entries = found.NetworkAcls?.flatMap(({ Entries = [] }) => Entries) ?? [];
  for (const { RuleNumber = 0, Egress } of entries.filter(({ RuleNumber = 0 }) => RuleNumber < LAST_RULE)) {
    const request = new DeleteNetworkAclEntryCommand({ NetworkAclId, RuleNumber, Egress });
    await call('deleting EC2 Network ACL entry', 'EC2', 'DeleteNetworkAclEntry', () => ec2.send(request));
  }
}

const LAST_RULE = 32_767;

async function addEntry(ec2: EC2Client, NetworkAclId: string, Egress: boolean, entry: Properties): Promise<void> {
  const request = new CreateNetworkAclEntryCommand({
    NetworkAclId,
    Egress,
    RuleNumber: count(entry, 'ruleNo'),
    RuleAction: text(entry, 'action') === 'allow' ? 'allow' : 'deny',
    Protocol: text(entry, 'protocol') === 'tcp' ? '6' : text(entry, 'protocol'),
    CidrBlock: text(entry, 'cidrBlock'),
    PortRange: { From: count(entry, 'fromPort'), To: count(entry, 'toPort') },
  });
  await call('creating EC2 Network ACL entry', 'EC2', 'CreateNetworkAclEntry', () => ec2.send(request));
}

/** A subnet always has one list: it is replaced, never taken away. */
async function associate(
  ec2: EC2Client,
  NetworkAclId: string,
  filter: { Name: string; Values: string[] },
  subnetId: string,
): Promise<void> {
  const { NetworkAcls = [] } = await ec2.send(new DescribeNetworkAclsCommand({ Filters: [filter] }));
  const associations = NetworkAcls.flatMap(({ Associations = [] }) => Associations);
  const current = associations.find(({ SubnetId }) => SubnetId === subnetId)?.NetworkAclAssociationId;
  if (current === undefined) return;
  const request = new ReplaceNetworkAclAssociationCommand({ AssociationId: current, NetworkAclId });
  await call('associating EC2 Network ACL', 'EC2', 'ReplaceNetworkAclAssociation', () => ec2.send(request));
}

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
  read: async ({ ec2 }, id, state) => {
    const found = (await unlessGone(ec2.send(new DescribeVpcEndpointsCommand({ VpcEndpointIds: [id] }))))
      ?.VpcEndpoints?.[0];
    return found === undefined || String(found.State).toLowerCase() === 'deleted' ? undefined : state;
  },
  delete: async ({ ec2 }, id) => {
    const request = new DeleteVpcEndpointsCommand({ VpcEndpointIds: [id] });
    await unlessGone(call('deleting EC2 VPC Endpoint', 'EC2', 'DeleteVpcEndpoints', () => ec2.send(request)));
  },
};

async function prefixListOf(ec2: EC2Client, name: string): Promise<string> {
  const filter = { Name: 'prefix-list-name', Values: [name] };
  const { PrefixLists = [] } = await ec2.send(new DescribeManagedPrefixListsCommand({ Filters: [filter] }));
  return PrefixLists[0]?.PrefixListId ?? '';
}

import {
  AssociateRouteTableCommand,
  CreateNetworkAclCommand,
  CreateNetworkAclEntryCommand,
  CreateRouteCommand,
  CreateRouteTableCommand,
  DeleteNetworkAclCommand,
  DeleteNetworkAclEntryCommand,
  DeleteRouteCommand,
  DeleteRouteTableCommand,
  DescribeNetworkAclsCommand,
  DescribeRouteTablesCommand,
  DisassociateRouteTableCommand,
  type EC2Client,
  ReplaceNetworkAclAssociationCommand,
} from '@aws-sdk/client-ec2';
import type { Properties } from '../../../../../infra/local/provider/resource.ts';
import { call, unlessGone } from '../failure.ts';
import { count, list, text, texts } from '../inputs.ts';
import type { Kind } from '../kind.ts';
import { retagInEc2 } from '../retag.ts';
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
    await addRoutes(ec2, id, inputs);
    return { id, outputs: inputs };
  },
  updates: ['routes'],
  update: async ({ ec2 }, id, inputs) => {
    await removeRoutes(ec2, id);
    await addRoutes(ec2, id, inputs);
    return inputs;
  },
  retag: retagInEc2,
  read: async ({ ec2 }, id, state) => {
    const found = await unlessGone(ec2.send(new DescribeRouteTablesCommand({ RouteTableIds: [id] })));
    return found?.RouteTables?.[0] === undefined ? undefined : state;
  },
  delete: ({ ec2 }, id) => deleteWhenUnused(id, () => ec2.send(new DeleteRouteTableCommand({ RouteTableId: id }))),
};

async function addRoutes(ec2: EC2Client, RouteTableId: string, inputs: Properties): Promise<void> {
  for (const route of list(inputs, 'routes')) {
    const wanted = new CreateRouteCommand({
      RouteTableId,
      DestinationCidrBlock: text(route, 'cidrBlock'),
      VpcPeeringConnectionId: text(route, 'vpcPeeringConnectionId'),
    });
    await call('creating Route', 'EC2', 'CreateRoute', () => ec2.send(wanted));
  }
}

/** Those a program made: the network's own is no one's to delete, and those of an endpoint go with it. */
async function removeRoutes(ec2: EC2Client, RouteTableId: string): Promise<void> {
  const found = await ec2.send(new DescribeRouteTablesCommand({ RouteTableIds: [RouteTableId] }));
  const routes = found.RouteTables?.flatMap(({ Routes = [] }) => Routes) ?? [];
  for (const { DestinationCidrBlock, GatewayId } of routes) {
    if (DestinationCidrBlock === undefined || GatewayId === 'local') continue;
    const request = new DeleteRouteCommand({ RouteTableId, DestinationCidrBlock });
    await call('deleting Route', 'EC2', 'DeleteRoute', () => ec2.send(request));
  }
}

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
  updates: ['ingress', 'egress', 'subnetIds'],
  update: async ({ ec2 }, id, inputs) => {
    await empty(ec2, id);
    await fill(ec2, id, inputs);
    await letGo(ec2, id, inputs, texts(inputs, 'subnetIds'));
    return inputs;
  },
  retag: retagInEc2,
  read: async ({ ec2 }, id, state) => {
    const found = await unlessGone(ec2.send(new DescribeNetworkAclsCommand({ NetworkAclIds: [id] })));
    return found?.NetworkAcls?.[0] === undefined ? undefined : state;
  },
  delete: async ({ ec2 }, id, state) => {
    await letGo(ec2, id, state, []);
    await deleteWhenUnused(id, () => ec2.send(new DeleteNetworkAclCommand({ NetworkAclId: id })));
  },
};

/** Subnets that a list keeps no longer have their network's default list again. */
async function letGo(ec2: EC2Client, id: string, inputs: Properties, kept: readonly string[]): Promise<void> {
  const filters = [
    { Name: 'vpc-id', Values: [text(inputs, 'vpcId')] },
    { Name: 'default', Values: ['true'] },
  ];
  const lists = await ec2.send(new DescribeNetworkAclsCommand({ Filters: filters }));
  const fallback = lists.NetworkAcls?.[0]?.NetworkAclId;
  const own = await ec2.send(new DescribeNetworkAclsCommand({ NetworkAclIds: [id] }));
  const held = own.NetworkAcls?.flatMap(({ Associations = [] }) => Associations) ?? [];
  for (const { SubnetId = '' } of held)
    if (fallback !== undefined && !kept.includes(SubnetId))
      await associate(ec2, fallback, { Name: 'association.network-acl-id', Values: [id] }, SubnetId);
}

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

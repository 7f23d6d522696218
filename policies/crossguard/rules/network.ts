import { blocks, expect, firstOf, type Properties, roleOf, type Rule, type Seen } from '../rule.ts';

const GROUP = 'aws:ec2/securityGroup:SecurityGroup';
const LOOSE_RULES = [
  'aws:ec2/securityGroupRule:SecurityGroupRule',
  'aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule',
  'aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule',
];
/** Whatever connects a VPC to somewhere else, but for the peering with the relay's. */
const WAYS_OUT = [
  'aws:ec2/internetGateway:InternetGateway',
  'aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway',
  'aws:ec2/natGateway:NatGateway',
  'aws:ec2/vpnGateway:VpnGateway',
  'aws:ec2/customerGateway:CustomerGateway',
  'aws:ec2/carrierGateway:CarrierGateway',
  'aws:ec2transitgateway/vpcAttachment:VpcAttachment',
];
const PUBLIC_ADDRESSES = ['aws:ec2/eip:Eip', 'aws:ec2/eipAssociation:EipAssociation'];
const EVERYBODY = ['0.0.0.0/0', '::/0'];

/** Who can reach what. */
export const NETWORK_RULES: readonly Rule[] = [
  {
    name: 'no-public-address',
    why: 'what has no public address cannot be reached from the internet, whatever a rule says',
    types: ['aws:ec2/instance:Instance', 'aws:ec2/subnet:Subnet', ...PUBLIC_ADDRESSES],
    check: ({ type, props }) => {
      if (PUBLIC_ADDRESSES.includes(type)) return expect(false, 'no public address', type);
      return firstOf(
        ...['associatePublicIpAddress', 'mapPublicIpOnLaunch', 'assignIpv6AddressOnCreation'].map((name) =>
          expect(props[name] === undefined || props[name] === false, `${name} false`, props[name]),
        ),
      );
    },
  },
  {
    name: 'no-open-ingress',
    why: "the relay alone may connect, and only to the guest's sshd",
    types: [GROUP],
    check: (resource) => {
      const rules = blocks(resource.props['ingress']);
      const complain = roleOf(resource) === 'sandbox' ? notTheRelay : openToEverybody;
      return firstOf(...rules.map(complain));
    },
  },
  {
    name: 'no-egress',
    why: 'a sandbox that can send can attack others and carry out what it read',
    types: [GROUP],
    check: (resource) => {
      const rules = blocks(resource.props['egress']);
      if (roleOf(resource) === 'sandbox') return expect(rules.length === 0, 'no egress rule', resource.props['egress']);
      return firstOf(...rules.map(openToEverybody));
    },
  },
  {
    name: 'rules-in-their-group',
    why: 'a rule beside its group opens it where nobody who reads the group sees it',
    types: LOOSE_RULES,
    check: ({ type }) => expect(false, 'the rule inside its security group', type),
  },
  {
    name: 'no-way-out',
    why: 'without a gateway no rule, route or address leads to the internet',
    types: [...WAYS_OUT, 'aws:ec2/route:Route', 'aws:ec2/routeTable:RouteTable'],
    check: (resource) => {
      if (WAYS_OUT.includes(resource.type)) return expect(false, 'no gateway', resource.type);
      return firstOf(...routesOf(resource).map(leadsOut));
    },
  },
];

/** Exactly one address, one port, one protocol. */
function notTheRelay(rule: Properties): string | undefined {
  const { protocol, fromPort, toPort, cidrBlocks } = rule;
  const isSsh = protocol === 'tcp' && fromPort === 22 && toPort === 22;
  const isOne = Array.isArray(cidrBlocks) && cidrBlocks.length === 1 && isOneAddress(cidrBlocks[0]);
  const others = ['ipv6CidrBlocks', 'prefixListIds', 'securityGroups', 'self'].filter(
    (name) => rule[name] !== undefined,
  );
  return firstOf(
    expect(isSsh, 'tcp port 22', rule),
    expect(isOne, 'one address, as a.b.c.d/32', cidrBlocks),
    expect(others.length === 0, 'no other source', others),
  );
}

function isOneAddress(source: unknown): boolean {
  return typeof source === 'string' && /^[0-9.]+\/32$/.test(source);
}

function openToEverybody(rule: Properties): string | undefined {
  const sources: readonly unknown[] = [rule['cidrBlocks'], rule['ipv6CidrBlocks']].flat();
  return expect(!sources.some(isEverybody), 'named networks', sources);
}

function isEverybody(source: unknown): boolean {
  return typeof source === 'string' && EVERYBODY.includes(source);
}

function routesOf({ type, props }: Seen): readonly Properties[] {
  return type.endsWith(':RouteTable') ? blocks(props['routes']) : [props];
}

function leadsOut(route: Properties): string | undefined {
  const through = ['gatewayId', 'natGatewayId', 'egressOnlyGatewayId', 'carrierGatewayId', 'transitGatewayId'];
  const used = through.filter((name) => route[name] !== undefined);
  const target = route['cidrBlock'] ?? route['destinationCidrBlock'];
  return firstOf(
    expect(used.length === 0, 'no route through a gateway', used),
    expect(!isEverybody(target), 'no default route', target),
  );
}

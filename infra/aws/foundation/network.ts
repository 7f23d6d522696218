import { ec2 } from '@pulumi/aws';
import type * as pulumi from '@pulumi/pulumi';
import { foundationTags, type Tags } from '../tags.ts';
import { type FoundationInputs, planOf } from './inputs.ts';
import { relayGroup } from './relay-group.ts';

/** What the rest of the foundation, and every run, needs to know of the network. */
export interface Network {
  readonly sandboxVpc: ec2.Vpc;
  readonly sandboxSubnets: readonly ec2.Subnet[];
  readonly relayVpc: ec2.Vpc;
  readonly relaySubnet: ec2.Subnet;
  readonly relayGroup: ec2.SecurityGroup;
  readonly relayInterface: ec2.NetworkInterface;
}

/**
 * Two networks, since name resolution can only be switched off for a whole one: the sandboxes' has no gateway, no endpoint and no resolver, and
 * its only neighbour is the relay's, which has a resolver and a private way to S3. Between them one peering; neither leads anywhere else.
 */
export function makeNetwork(inputs: FoundationInputs, options: pulumi.CustomResourceOptions): Network {
  const tags = (name: string): Tags => foundationTags(inputs.installationId, name);
  const plan = planOf(inputs);
  const sandboxVpc = makeVpc(
    'sandboxes',
    { cidr: inputs.sandboxNetwork, resolves: false, tags: tags('sandboxes') },
    options,
  );
  const relayVpc = makeVpc('relay', { cidr: inputs.relayNetwork, resolves: true, tags: tags('relay') }, options);
  const peering = new ec2.VpcPeeringConnection(
    'peering',
    { vpcId: relayVpc.id, peerVpcId: sandboxVpc.id, autoAccept: true, tags: tags('peering') },
    options,
  );
  const toSandboxes = { cidrBlock: inputs.sandboxNetwork, vpcPeeringConnectionId: peering.id };
  const toRelay = { cidrBlock: plan.relaySubnet.cidr, vpcPeeringConnectionId: peering.id };
  const routes = (name: string, vpc: ec2.Vpc, route: typeof toRelay): ec2.RouteTable =>
    new ec2.RouteTable(name, { vpcId: vpc.id, routes: [route], tags: tags(name) }, options);
  const sandboxRoutes = routes('sandboxes', sandboxVpc, toRelay);
  const relayRoutes = routes('relay', relayVpc, toSandboxes);
  const sandboxSubnets = plan.sandboxSubnets.map((place) =>
    makeSubnet(`sandboxes-${place.zone}`, { ...place, routes: sandboxRoutes }, tags, options),
  );
  const relaySubnet = makeSubnet('relay', { ...plan.relaySubnet, routes: relayRoutes }, tags, options);
  makeAccessLists(inputs, { sandboxVpc, sandboxSubnets, relayVpc, relaySubnet }, options);
  const group = relayGroup(inputs, { relayVpc, relaySubnet, relayRoutes }, options);
  return {
    sandboxVpc,
    sandboxSubnets,
    relayVpc,
    relaySubnet,
    relayGroup: group,
    relayInterface: new ec2.NetworkInterface(
      'relay',
      {
        subnetId: relaySubnet.id,
        privateIps: [plan.relayAddress],
        securityGroups: [group.id],
        description: 'Burnbag relay: the one address that reaches a sandbox',
        sourceDestCheck: true,
        tags: tags('relay'),
      },
      options,
    ),
  };
}

/** A network whose default group, which everything is in that names no other, lets nothing through. */
function makeVpc(
  name: string,
  { cidr, resolves, tags }: { readonly cidr: string; readonly resolves: boolean; readonly tags: Tags },
  options: pulumi.CustomResourceOptions,
): ec2.Vpc {
  const vpc = new ec2.Vpc(
    name,
    { cidrBlock: cidr, enableDnsSupport: resolves, enableDnsHostnames: resolves, tags },
    options,
  );
  new ec2.DefaultSecurityGroup(name, { vpcId: vpc.id, ingress: [], egress: [], tags }, options);
  return vpc;
}

/** A subnet and its routes, both named after the zone: whatever order the zones are in, what stays is not touched. */
function makeSubnet(
  name: string,
  { zone, cidr, routes }: { readonly zone: string; readonly cidr: string; readonly routes: ec2.RouteTable },
  tags: (name: string) => Tags,
  options: pulumi.CustomResourceOptions,
): ec2.Subnet {
  const addresses = { mapPublicIpOnLaunch: false, assignIpv6AddressOnCreation: false };
  const subnet = new ec2.Subnet(
    name,
    { vpcId: routes.vpcId, availabilityZone: zone, cidrBlock: cidr, ...addresses, tags: tags(name) },
    options,
  );
  new ec2.RouteTableAssociation(name, { subnetId: subnet.id, routeTableId: routes.id }, options);
  return subnet;
}

/** The second wall, without memory: what a security group lets through by mistake still has to fit here. */
function makeAccessLists(
  inputs: FoundationInputs,
  {
    sandboxVpc,
    sandboxSubnets,
    relayVpc,
    relaySubnet,
  }: Pick<Network, 'sandboxVpc' | 'sandboxSubnets' | 'relayVpc' | 'relaySubnet'>,
  options: pulumi.CustomResourceOptions,
): void {
  const relay = planOf(inputs).relaySubnet.cidr;
  new ec2.NetworkAcl(
    'sandboxes',
    {
      vpcId: sandboxVpc.id,
      subnetIds: sandboxSubnets.map(({ id }) => id),
      ingress: [allow(100, relay, 22)],
      egress: [allow(100, relay, 'replies')],
      tags: foundationTags(inputs.installationId, 'sandboxes'),
    },
    options,
  );
  const anywhere = '0.0.0.0/0';
  new ec2.NetworkAcl(
    'relay',
    {
      vpcId: relayVpc.id,
      subnetIds: [relaySubnet.id],
      // A prefix list cannot stand here: to S3 is to every address on 443, and the routes lead to S3 alone.
      ingress: [
        allow(100, inputs.sandboxNetwork, 'replies'),
        allow(110, anywhere, 'replies'),
        ...inputs.relayClients.map((cidr, index) => allow(200 + index, cidr, 22)),
        allow(300, relay, 443),
      ],
      egress: [
        allow(100, inputs.sandboxNetwork, 22),
        allow(110, anywhere, 443),
        ...[...inputs.relayClients, relay].map((cidr, index) => allow(200 + index, cidr, 'replies')),
      ],
      tags: foundationTags(inputs.installationId, 'relay'),
    },
    options,
  );
}

/** `replies`: the ports from which Linux, macOS and Windows open connections. */
function allow(ruleNo: number, cidrBlock: string, port: number | 'replies') {
  const [fromPort, toPort] = port === 'replies' ? [1_024, 65_535] : [port, port];
  return { ruleNo, action: 'allow', protocol: 'tcp', cidrBlock, fromPort, toPort };
}

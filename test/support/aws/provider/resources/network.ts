import {
  AcceptVpcPeeringConnectionCommand,
  CreateSubnetCommand,
  CreateVpcCommand,
  CreateVpcPeeringConnectionCommand,
  DeleteSubnetCommand,
  DeleteVpcCommand,
  DeleteVpcPeeringConnectionCommand,
  DescribeSubnetsCommand,
  DescribeVpcPeeringConnectionsCommand,
  DescribeVpcsCommand,
  type EC2Client,
  ModifyVpcAttributeCommand,
} from '@aws-sdk/client-ec2';
import type { Properties } from '../../../../../infra/local/provider/resource.ts';
import { call, codeOf, unlessGone, until } from '../failure.ts';
import { flag, text } from '../inputs.ts';
import type { Kind } from '../kind.ts';
import { retagInEc2 } from '../retag.ts';
import { tagged } from '../tags.ts';

/** Deletes what a dependent may still hold for a moment. */
export async function deleteWhenUnused(what: string, remove: () => Promise<unknown>): Promise<void> {
  await until(`${what} to be unused`, async () => {
    try {
      await unlessGone(remove());
      return true;
    } catch (error) {
      if (codeOf(error) === 'DependencyViolation') return undefined;
      throw error;
    }
  });
}

/** `aws:ec2/vpc:Vpc`. */
export const vpc: Kind = {
  takes: ['cidrBlock', 'enableDnsSupport', 'enableDnsHostnames', 'tags.*'],
  replaces: ['cidrBlock'],
  updates: ['enableDnsSupport', 'enableDnsHostnames'],
  update: async ({ ec2 }, id, inputs) => {
    await resolveNames(ec2, id, inputs);
    return inputs;
  },
  retag: retagInEc2,
  create: async ({ ec2, region, account }, inputs) => {
    const request = { CidrBlock: text(inputs, 'cidrBlock'), TagSpecifications: tagged('vpc', inputs['tags']) };
    const answer = await call('creating EC2 VPC', 'EC2', 'CreateVpc', () => ec2.send(new CreateVpcCommand(request)));
    const VpcId = answer.Vpc?.VpcId ?? '';
    await resolveNames(ec2, VpcId, inputs);
    return { id: VpcId, outputs: { ...inputs, arn: `arn:aws:ec2:${region}:${account}:vpc/${VpcId}` } };
  },
  read: async ({ ec2 }, id, state) => {
    const found = await unlessGone(ec2.send(new DescribeVpcsCommand({ VpcIds: [id] })));
    return found?.Vpcs?.[0] === undefined ? undefined : state;
  },
  delete: ({ ec2 }, id) =>
    deleteWhenUnused(id, () =>
      call('deleting EC2 VPC', 'EC2', 'DeleteVpc', () => ec2.send(new DeleteVpcCommand({ VpcId: id }))),
    ),
};

async function resolveNames(ec2: EC2Client, VpcId: string, inputs: Properties): Promise<void> {
  const settings = [
    { EnableDnsSupport: { Value: flag(inputs, 'enableDnsSupport') ?? true } },
    { EnableDnsHostnames: { Value: flag(inputs, 'enableDnsHostnames') ?? false } },
  ];
  for (const setting of settings)
    await call('modifying EC2 VPC', 'EC2', 'ModifyVpcAttribute', () =>
      ec2.send(new ModifyVpcAttributeCommand({ VpcId, ...setting })),
    );
}

/** `aws:ec2/subnet:Subnet`. */
export const subnet: Kind = {
  takes: ['vpcId', 'availabilityZone', 'cidrBlock', 'mapPublicIpOnLaunch', 'assignIpv6AddressOnCreation', 'tags.*'],
  replaces: ['vpcId', 'availabilityZone', 'cidrBlock'],
  retag: retagInEc2,
  create: async ({ ec2 }, inputs) => {
    const request = new CreateSubnetCommand({
      VpcId: text(inputs, 'vpcId'),
      AvailabilityZone: text(inputs, 'availabilityZone'),
      CidrBlock: text(inputs, 'cidrBlock'),
      TagSpecifications: tagged('subnet', inputs['tags']),
    });
    const answer = await call('creating EC2 Subnet', 'EC2', 'CreateSubnet', () => ec2.send(request));
    if (answer.Subnet?.MapPublicIpOnLaunch !== flag(inputs, 'mapPublicIpOnLaunch'))
      throw new Error('the fake makes subnets without public addresses only');
    return { id: answer.Subnet?.SubnetId ?? '', outputs: inputs };
  },
  read: async ({ ec2 }, id, state) => {
    const found = await unlessGone(ec2.send(new DescribeSubnetsCommand({ SubnetIds: [id] })));
    return found?.Subnets?.[0] === undefined ? undefined : state;
  },
  delete: ({ ec2 }, id) =>
    deleteWhenUnused(id, () =>
      call('deleting EC2 Subnet', 'EC2', 'DeleteSubnet', () => ec2.send(new DeleteSubnetCommand({ SubnetId: id }))),
    ),
};

/** `aws:ec2/vpcPeeringConnection:VpcPeeringConnection` within one account and region, accepted at once. */
export const peering: Kind = {
  takes: ['vpcId', 'peerVpcId', 'autoAccept', 'tags.*'],
  replaces: ['vpcId', 'peerVpcId'],
  retag: retagInEc2,
  create: async ({ ec2 }, inputs) => {
    const request = new CreateVpcPeeringConnectionCommand({
      VpcId: text(inputs, 'vpcId'),
      PeerVpcId: text(inputs, 'peerVpcId'),
      TagSpecifications: tagged('vpc-peering-connection', inputs['tags']),
    });
    const answer = await call('creating EC2 VPC Peering Connection', 'EC2', 'CreateVpcPeeringConnection', () =>
      ec2.send(request),
    );
    const id = answer.VpcPeeringConnection?.VpcPeeringConnectionId ?? '';
    if (flag(inputs, 'autoAccept') === true)
      await call('accepting EC2 VPC Peering Connection', 'EC2', 'AcceptVpcPeeringConnection', () =>
        ec2.send(new AcceptVpcPeeringConnectionCommand({ VpcPeeringConnectionId: id })),
      );
    return { id, outputs: { ...inputs, acceptStatus: 'active' } };
  },
  read: async ({ ec2 }, id, state) => {
    const request = new DescribeVpcPeeringConnectionsCommand({ VpcPeeringConnectionIds: [id] });
    const found = (await unlessGone(ec2.send(request)))?.VpcPeeringConnections?.[0];
    return found === undefined || found.Status?.Code === 'deleted' ? undefined : state;
  },
  delete: async ({ ec2 }, id) => {
    const request = new DeleteVpcPeeringConnectionCommand({ VpcPeeringConnectionId: id });
    await unlessGone(
      call('deleting EC2 VPC Peering Connection', 'EC2', 'DeleteVpcPeeringConnection', () => ec2.send(request)),
    );
  },
};

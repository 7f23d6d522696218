import { randomUUID } from 'node:crypto';
import {
  CreateNetworkInterfaceCommand,
  DeleteNetworkInterfaceCommand,
  DescribeNetworkInterfacesCommand,
  ModifyNetworkInterfaceAttributeCommand,
  type ModifyNetworkInterfaceAttributeCommandInput,
  type NetworkInterface,
} from '@aws-sdk/client-ec2';
import type { Properties } from '../../../../../infra/local/provider/resource.ts';
import { call, codeOf, unlessGone, until } from '../failure.ts';
import { flag, optionalText, text, texts } from '../inputs.ts';
import type { Cloud, Kind } from '../kind.ts';
import { retagInEc2 } from '../retag.ts';
import { tagged, tagMap } from '../tags.ts';

/** `aws:ec2/networkInterface:NetworkInterface`. */
export const networkInterface: Kind = {
  takes: ['subnetId', 'securityGroups', 'description', 'sourceDestCheck', 'privateIps', 'tags.*'],
  replaces: ['subnetId', 'privateIps'],
  create: async (cloud, inputs) => {
    const request = new CreateNetworkInterfaceCommand({
      SubnetId: text(inputs, 'subnetId'),
      Groups: texts(inputs, 'securityGroups'),
      Description: optionalText(inputs, 'description'),
      PrivateIpAddress: texts(inputs, 'privateIps')[0],
      ClientToken: randomUUID(),
      TagSpecifications: tagged('network-interface', inputs['tags']),
    });
    const { NetworkInterface: made = {} } = await call(
      'creating EC2 Network Interface',
      'EC2',
      'CreateNetworkInterface',
      () => cloud.ec2.send(request),
    );
    const id = made.NetworkInterfaceId ?? '';
    if (flag(inputs, 'sourceDestCheck') === false) await modify(cloud, id, { SourceDestCheck: { Value: false } });
    const found = await until(`interface ${id} to be there`, () => find(cloud, id));
    return { id, outputs: outputsOf(found, inputs) };
  },
  read: async (cloud, id, state) => {
    const found = await find(cloud, id);
    return found === undefined ? undefined : outputsOf(found, state);
  },
  updates: ['securityGroups', 'description', 'sourceDestCheck'],
  update: async (cloud, id, inputs) => {
    await modify(cloud, id, { Groups: texts(inputs, 'securityGroups') });
    await modify(cloud, id, { Description: { Value: optionalText(inputs, 'description') ?? '' } });
    await modify(cloud, id, { SourceDestCheck: { Value: flag(inputs, 'sourceDestCheck') ?? true } });
    return inputs;
  },
  retag: retagInEc2,
  delete: async (cloud, id) => {
    await until(`interface ${id} to be free`, () => remove(cloud, id));
  },
};

/** A terminated machine lets go of its interface a moment later. */
async function remove(cloud: Cloud, id: string): Promise<true | undefined> {
  const request = new DeleteNetworkInterfaceCommand({ NetworkInterfaceId: id });
  try {
    await unlessGone(
      call('deleting EC2 Network Interface', 'EC2', 'DeleteNetworkInterface', () => cloud.ec2.send(request)),
    );
    return true;
  } catch (error) {
    if (codeOf(error) === 'InvalidNetworkInterface.InUse') return undefined;
    throw error;
  }
}

/** One attribute per call: EC2 takes no more. */
async function modify(
  { ec2 }: Cloud,
  id: string,
  attribute: Omit<ModifyNetworkInterfaceAttributeCommandInput, 'NetworkInterfaceId'>,
): Promise<void> {
  const request = new ModifyNetworkInterfaceAttributeCommand({ NetworkInterfaceId: id, ...attribute });
  await call('modifying EC2 Network Interface', 'EC2', 'ModifyNetworkInterfaceAttribute', () => ec2.send(request));
}

async function find(cloud: Cloud, id: string): Promise<NetworkInterface | undefined> {
  const request = new DescribeNetworkInterfacesCommand({ NetworkInterfaceIds: [id] });
  const answer = await unlessGone(
    call('reading EC2 Network Interface', 'EC2', 'DescribeNetworkInterfaces', () => cloud.ec2.send(request)),
  );
  return answer?.NetworkInterfaces?.[0];
}

function outputsOf(found: NetworkInterface, inputs: Properties): Properties {
  const address = found.PrivateIpAddress ?? '';
  return { ...inputs, privateIp: address, privateIps: [address], tagsAll: tagMap(found.TagSet) };
}

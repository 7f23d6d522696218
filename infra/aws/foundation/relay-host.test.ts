import {
  DescribeInstanceAttributeCommand,
  DescribeInstancesCommand,
  DescribeNetworkInterfacesCommand,
  DescribeVolumesCommand,
  type EC2Client,
  type Instance,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { FOUNDATION_INPUTS } from '../../../test/support/aws/foundation-inputs.ts';
import { type Deployed, deployFoundation } from '../../../test/support/aws/foundation.ts';
import { relayHostFiles } from '../relay/relay-host.ts';
import { foundationTags } from '../tags.ts';
import { FoundationInputs, planOf } from './inputs.ts';

/** Quick when idle; a machine that boots VMs beside it takes its time. */
vi.setConfig({ testTimeout: 240_000 });

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIF6Uyh5zTGl5i1wiz6MY3AA2IK28uXqAd+dW3TVVR+Kg';
/** Somebody else's image, as Debian's is (test/support/aws/images.json). */
const RELAY = { imageId: 'ami-0deb1300000000001', publicKey: KEY };
const INPUTS = FoundationInputs.parse({ ...FOUNDATION_INPUTS, relay: RELAY });
const MORE_ZONES = FoundationInputs.parse({ ...INPUTS, zones: [...INPUTS.zones, 'eu-central-1c'] });

let deployed: Deployed;
let ec2: EC2Client;
beforeAll(async () => {
  deployed = await deployFoundation(INPUTS);
  ({ ec2 } = deployed.account);
});
afterAll(() => deployed[Symbol.asyncDispose]());

async function instances(): Promise<readonly Instance[]> {
  const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand({}));
  return Reservations.flatMap(({ Instances = [] }) => Instances);
}

const alive = async () => (await instances()).filter(({ State }) => State?.Name === 'running');

const userDataOf = async (InstanceId: string | undefined): Promise<string> => {
  const request = new DescribeInstanceAttributeCommand({ InstanceId, Attribute: 'userData' });
  return Buffer.from((await ec2.send(request)).UserData?.Value ?? '', 'base64').toString();
};

const cloudConfigOf = (inputs: FoundationInputs): string => {
  const subnets = planOf(inputs).sandboxSubnets.map(({ cidr }) => cidr);
  return relayHostFiles({ subnets, username: 'burnbag-relay', publicKeyLine: KEY }).cloudConfig;
};

describe('the relay host', () => {
  test('is one machine on the interface that the foundation keeps, at its address', async () => {
    const [host, ...others] = await alive();
    expect(others).toEqual([]);
    expect(deployed.outputs).toMatchObject({ relayInstanceId: host?.InstanceId, relayUsername: 'burnbag-relay' });
    const [nic, ...more] = host?.NetworkInterfaces ?? [];
    expect(more).toEqual([]);
    expect(nic).toMatchObject({
      NetworkInterfaceId: deployed.outputs.relayInterfaceId,
      PrivateIpAddress: deployed.outputs.relayAddress,
    });
  });

  test('has no role, no key pair, no public address, an encrypted disk, and metadata with a token only', async () => {
    const [host] = await alive();
    expect(host?.IamInstanceProfile).toBeUndefined();
    expect(host?.KeyName).toBeUndefined();
    expect(host?.PublicIpAddress).toBeUndefined();
    expect(host?.MetadataOptions).toMatchObject({
      ...{ HttpEndpoint: 'enabled', HttpTokens: 'required', HttpPutResponseHopLimit: 1 },
    });
    const { Volumes = [] } = await ec2.send(new DescribeVolumesCommand({}));
    expect(Volumes.map(({ Encrypted }) => Encrypted)).toEqual([true]);
    expect(host?.BlockDeviceMappings?.map(({ Ebs }) => Ebs?.DeleteOnTermination)).toEqual([true]);
  });

  test('is told what `burnbag aws relay-config` prints, and nothing else', async () => {
    const [host] = await alive();
    const told = await userDataOf(host?.InstanceId);
    expect(told).toBe(cloudConfigOf(INPUTS));
    expect(Buffer.byteLength(cloudConfigOf(FoundationInputs.parse({ ...INPUTS, zones: FOUR_ZONES })))).toBeLessThan(
      16_384,
    );
  });

  test('carries the foundation’s tags, disk and all, and so is no sandbox to anybody', async () => {
    const [host] = await alive();
    const { Volumes = [] } = await ec2.send(new DescribeVolumesCommand({}));
    const tags = Object.entries(foundationTags('contract', 'relay')).map(([Key, Value]) => ({ Key, Value }));
    for (const carried of [host?.Tags, Volumes[0]?.Tags]) expect(carried).toEqual(expect.arrayContaining(tags));
  });

  test('is left as it is when nothing changes', async () => {
    expect((await deployed.bring(INPUTS)).done).toEqual([]);
  });

  test('is another one when it must be told of another zone, on the same interface, the first being gone before', async () => {
    const [before] = await alive();
    const { done, outputs } = await deployed.bring(MORE_ZONES);
    const ofInstance = done.filter((one) => one.endsWith(' aws:ec2/instance:Instance'));
    expect(ofInstance.map((one) => one.split(' ')[0])).toEqual(['delete', 'create']);
    const [host, ...others] = await alive();
    expect(others).toEqual([]);
    expect(host?.InstanceId).not.toBe(before?.InstanceId);
    expect(outputs.relayInstanceId).toBe(host?.InstanceId);
    expect(host?.NetworkInterfaces?.[0]?.NetworkInterfaceId).toBe(deployed.outputs.relayInterfaceId);
    expect(await userDataOf(host?.InstanceId)).toBe(cloudConfigOf(MORE_ZONES));
  });

  test('goes where it is no longer wanted, and its interface stays', async () => {
    const { outputs } = await deployed.bring({ ...MORE_ZONES, relay: undefined });
    expect(outputs.relayInstanceId).toBeUndefined();
    expect(await alive()).toEqual([]);
    const NetworkInterfaceIds = [deployed.outputs.relayInterfaceId];
    const found = await ec2.send(new DescribeNetworkInterfacesCommand({ NetworkInterfaceIds }));
    expect(found.NetworkInterfaces).toHaveLength(1);
  });

  test('that is to let in nobody is not made', async () => {
    const relay = {
      ...INPUTS.relay,
      imageId: RELAY.imageId,
      instanceType: 't3.nano',
      username: 'u',
      publicKey: undefined,
    };
    await expect(deployed.bring({ ...MORE_ZONES, relay })).rejects.toThrow('relay.publicKey');
    expect(await alive()).toEqual([]);
  });
});

const FOUR_ZONES = ['a', 'b', 'c', 'd'].map((letter) => `eu-central-1${letter}`);

test.each([
  ['more zones than its user data holds', { zones: [...FOUR_ZONES, 'eu-central-1e'] }],
  ['a name that is another line of a file', { relay: { ...RELAY, username: 'x\nMatch all' } }],
  ['a key that is more than one line', { relay: { ...RELAY, publicKey: `${KEY}\n${KEY}` } }],
  ['an address of its own', { relay: { ...RELAY, publicAddress: true } }],
])('a relay host with %s is refused', (_what, changed) => {
  expect(FoundationInputs.safeParse({ ...INPUTS, ...changed }).success).toBe(false);
});

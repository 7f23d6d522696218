import { randomUUID } from 'node:crypto';
import {
  type BlockDeviceMapping,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  type Instance,
  type InstanceMarketOptionsRequest,
  type InstanceMetadataOptionsRequest,
  RunInstancesCommand,
  type RunInstancesCommandInput,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { InitFailed, type Properties } from '../../../../../infra/local/provider/resource.ts';
import { call, unlessGone, until } from '../failure.ts';
import { count, flag, nested, optionalText, text } from '../inputs.ts';
import type { Cloud, Kind } from '../kind.ts';
import { retagInEc2 } from '../retag.ts';
import { tagged, tagMap } from '../tags.ts';

/** `aws:ec2/instance:Instance`, on an interface that exists already: the one way our programs launch. */
export const instance: Kind = {
  takes: [
    ...['ami', 'instanceType', 'primaryNetworkInterface.networkInterfaceId', 'metadataOptions.httpEndpoint'],
    ...['instanceInitiatedShutdownBehavior', 'disableApiTermination', 'disableApiStop', 'monitoring'],
    ...['rootBlockDevice.encrypted', 'rootBlockDevice.deleteOnTermination', 'rootBlockDevice.volumeType'],
    ...['rootBlockDevice.volumeSize', 'maintenanceOptions.autoRecovery', 'creditSpecification.cpuCredits'],
    ...['instanceMarketOptions.marketType', 'instanceMarketOptions.spotOptions.spotInstanceType'],
    ...['instanceMarketOptions.spotOptions.instanceInterruptionBehavior', 'volumeTags.*', 'tags.*'],
    ...['metadataOptions.httpTokens', 'metadataOptions.httpPutResponseHopLimit', 'userData', 'userDataReplaceOnChange'],
  ],
  // User data only where it is said so, which our program does: else the real provider stops and starts the machine.
  replaces: ['ami', 'primaryNetworkInterface', 'rootBlockDevice', 'instanceMarketOptions', 'userData'],
  retag: retagInEc2,
  create: async (cloud, inputs) => {
    const id = await launch(cloud, await requestOf(cloud, inputs));
    try {
      const running = await until(`instance ${id} to run`, () => whenRunning(cloud, id));
      return { id, outputs: outputsOf(running, inputs) };
    } catch (error) {
      throw new InitFailed(id, { ...inputs }, error);
    }
  },
  read: async (cloud, id, state) => {
    const found = await find(cloud, id);
    return found === undefined || found.State?.Name === 'terminated' ? undefined : outputsOf(found, state);
  },
  delete: async (cloud, id) => {
    if (isOver(await find(cloud, id))) return;
    const request = new TerminateInstancesCommand({ InstanceIds: [id] });
    await unlessGone(call('terminating EC2 Instance', 'EC2', 'TerminateInstances', () => cloud.ec2.send(request)));
    await until(`instance ${id} to be terminated`, async () => (isOver(await find(cloud, id)) ? true : undefined));
  },
};

async function launch(cloud: Cloud, request: RunInstancesCommandInput): Promise<string> {
  const answer = await call('creating EC2 Instance', 'EC2', 'RunInstances', () =>
    cloud.ec2.send(new RunInstancesCommand(request)),
  );
  return answer.Instances?.[0]?.InstanceId ?? '';
}

/** The client token is the call's own, as the real provider has it: the SDK's retries are one launch, another `up` is another. */
async function requestOf(cloud: Cloud, inputs: Properties): Promise<RunInstancesCommandInput> {
  const given = nested(inputs, 'primaryNetworkInterface');
  return {
    ImageId: text(inputs, 'ami'),
    InstanceType: text(inputs, 'instanceType') as NonNullable<RunInstancesCommandInput['InstanceType']>,
    MinCount: 1,
    MaxCount: 1,
    ClientToken: randomUUID(),
    NetworkInterfaces: [{ DeviceIndex: 0, NetworkInterfaceId: text(given, 'networkInterfaceId') }],
    BlockDeviceMappings: [await rootDevice(cloud, inputs)],
    MetadataOptions: metadataOf(nested(inputs, 'metadataOptions')),
    InstanceInitiatedShutdownBehavior:
      optionalText(inputs, 'instanceInitiatedShutdownBehavior') === 'terminate' ? 'terminate' : 'stop',
    ...(inputs['userData'] !== undefined && { UserData: Buffer.from(text(inputs, 'userData')).toString('base64') }),
    DisableApiTermination: flag(inputs, 'disableApiTermination'),
    DisableApiStop: flag(inputs, 'disableApiStop'),
    Monitoring: { Enabled: flag(inputs, 'monitoring') },
    MaintenanceOptions: {
      AutoRecovery:
        optionalText(nested(inputs, 'maintenanceOptions'), 'autoRecovery') === 'disabled' ? 'disabled' : 'default',
    },
    ...(inputs['creditSpecification'] !== undefined && {
      CreditSpecification: { CpuCredits: text(nested(inputs, 'creditSpecification'), 'cpuCredits') },
    }),
    ...(inputs['instanceMarketOptions'] !== undefined && {
      InstanceMarketOptions: marketOf(nested(inputs, 'instanceMarketOptions')),
    }),
    TagSpecifications: [...tagged('instance', inputs['tags']), ...tagged('volume', inputs['volumeTags'])],
  };
}

/** The real provider, too, says nothing else about a service that is off. */
function metadataOf(metadata: Properties): InstanceMetadataOptionsRequest {
  if (text(metadata, 'httpEndpoint') === 'disabled') return { HttpEndpoint: 'disabled' };
  return {
    HttpEndpoint: 'enabled',
    HttpTokens: optionalText(metadata, 'httpTokens') === 'required' ? 'required' : 'optional',
    HttpPutResponseHopLimit: count(metadata, 'httpPutResponseHopLimit'),
  };
}

function marketOf(options: Properties): InstanceMarketOptionsRequest {
  const spot = nested(options, 'spotOptions');
  return {
    MarketType: text(options, 'marketType') as NonNullable<InstanceMarketOptionsRequest['MarketType']>,
    SpotOptions: {
      SpotInstanceType: text(spot, 'spotInstanceType') === 'one-time' ? 'one-time' : 'persistent',
      InstanceInterruptionBehavior: text(spot, 'instanceInterruptionBehavior') === 'terminate' ? 'terminate' : 'stop',
    },
  };
}

/** The root device's name is the image's, and the real provider asks for it in the same way. */
async function rootDevice(cloud: Cloud, inputs: Properties): Promise<BlockDeviceMapping> {
  const images = await call('reading EC2 AMI', 'EC2', 'DescribeImages', () =>
    cloud.ec2.send(new DescribeImagesCommand({ ImageIds: [text(inputs, 'ami')] })),
  );
  const root = nested(inputs, 'rootBlockDevice');
  return {
    DeviceName: images.Images?.[0]?.RootDeviceName,
    Ebs: {
      DeleteOnTermination: flag(root, 'deleteOnTermination') ?? true,
      Encrypted: flag(root, 'encrypted'),
      // Where none is said EC2 takes the image's, and moto would refuse.
      VolumeSize: count(root, 'volumeSize') ?? images.Images?.[0]?.BlockDeviceMappings?.[0]?.Ebs?.VolumeSize ?? 8,
      VolumeType: text(root, 'volumeType') === 'gp3' ? 'gp3' : 'gp2',
    },
  };
}

/** A new instance may not be visible yet; one that ended instead of running never will. */
async function whenRunning(cloud: Cloud, id: string): Promise<Instance | undefined> {
  const found = await find(cloud, id);
  const state = found?.State?.Name;
  if (state === 'running') return found;
  if (found === undefined || state === 'pending') return undefined;
  const { Code: code = '', Message: message = '' } = found.StateReason ?? {};
  throw new Error(`unexpected state '${state ?? ''}', wanted target 'running'. last error: ${code}: ${message}`);
}

async function find(cloud: Cloud, id: string): Promise<Instance | undefined> {
  const request = new DescribeInstancesCommand({ InstanceIds: [id] });
  const answer = await unlessGone(
    call('reading EC2 Instance', 'EC2', 'DescribeInstances', () => cloud.ec2.send(request)),
  );
  return answer?.Reservations?.[0]?.Instances?.[0];
}

function isOver(found: Instance | undefined): boolean {
  return found === undefined || found.State?.Name === 'terminated';
}

function outputsOf(found: Instance, inputs: Properties): Properties {
  const [root] = found.BlockDeviceMappings ?? [];
  const [nic] = found.NetworkInterfaces ?? [];
  return {
    ...inputs,
    availabilityZone: found.Placement?.AvailabilityZone ?? '',
    instanceState: found.State?.Name ?? '',
    instanceType: found.InstanceType ?? '',
    primaryNetworkInterfaceId: nic?.NetworkInterfaceId ?? '',
    privateIp: nic?.PrivateIpAddress ?? '',
    publicIp: nic?.Association?.PublicIp ?? '',
    subnetId: nic?.SubnetId ?? '',
    rootBlockDevice: {
      ...nested(inputs, 'rootBlockDevice'),
      deviceName: root?.DeviceName ?? '',
      volumeId: root?.Ebs?.VolumeId ?? '',
    },
    tagsAll: tagMap(found.Tags),
  };
}

import type { ec2 } from '@pulumi/aws';
import { runTags } from '../tags.ts';
import type { RunInputs } from './inputs.ts';

/** Nothing but the relay, to nothing but the guest's sshd, and no way out: a security group without an egress rule lets nothing out. */
export function groupArguments(inputs: RunInputs): ec2.SecurityGroupArgs {
  const { runId, vpcId, relayAddress } = inputs;
  return {
    name: `burnbag-${runId}`,
    description: 'Burnbag sandbox: port 22 from the relay, nothing out',
    vpcId,
    ingress: [
      {
        description: 'the relay',
        protocol: 'tcp',
        fromPort: 22,
        toPort: 22,
        cidrBlocks: [`${relayAddress}/32`],
      },
    ],
    egress: [],
    tags: runTags(inputs),
  };
}

/**
 * The machine's only interface, made by itself and before the machine: its id is known before anything runs, it carries its tags from the
 * beginning, an interface that is given has no public address, and it fits into one machine. That last point is what makes the launch safe
 * to repeat: EC2's client token is not an argument of Pulumi's instance, so a second launch must fail for another reason.
 */
export function interfaceArguments(
  inputs: RunInputs,
  securityGroupId: NonNullable<ec2.NetworkInterfaceArgs['securityGroups']>,
): ec2.NetworkInterfaceArgs {
  return {
    subnetId: inputs.placement.subnetId,
    securityGroups: securityGroupId,
    description: `Burnbag sandbox ${inputs.runId}`,
    sourceDestCheck: true,
    tags: runTags(inputs),
  };
}

/** The machine. What is not said here and would weaken it by its default is listed in docs/aws.md. */
export function instanceArguments(inputs: RunInputs, networkInterfaceId: ec2.NetworkInterface['id']): ec2.InstanceArgs {
  const { imageId, rootGiB, placement } = inputs;
  return {
    ami: imageId,
    instanceType: placement.instanceType,
    primaryNetworkInterface: { networkInterfaceId },
    // Off altogether: the provider sends nothing else about a service that is off.
    metadataOptions: { httpEndpoint: 'disabled' },
    // The guest's own dead-man switch: at its deadline it powers itself off, and that ends it and its disk.
    instanceInitiatedShutdownBehavior: 'terminate',
    disableApiTermination: false,
    disableApiStop: false,
    rootBlockDevice: { encrypted: true, deleteOnTermination: true, volumeType: 'gp3', volumeSize: rootGiB },
    // EC2 would restart a sandbox whose host failed: one that went stays gone.
    maintenanceOptions: { autoRecovery: 'disabled' },
    monitoring: false,
    volumeTags: runTags(inputs),
    tags: runTags(inputs),
    ...(BURSTABLE.test(placement.instanceType) && { creditSpecification: { cpuCredits: 'standard' } }),
    ...(placement.spot && { instanceMarketOptions: SPOT }),
  };
}

/** t2, t3, t4g, but not trn1. */
const BURSTABLE = /^t[0-9]/;

/** Taken back, it is terminated: nothing of it waits to come back. */
const SPOT: ec2.InstanceArgs['instanceMarketOptions'] = {
  marketType: 'spot',
  spotOptions: { spotInstanceType: 'one-time', instanceInterruptionBehavior: 'terminate' },
};

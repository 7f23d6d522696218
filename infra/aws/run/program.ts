import { ec2, Provider } from '@pulumi/aws';
import * as pulumi from '@pulumi/pulumi';
import { preflight } from '../preflight.ts';
import type { RunInputs, RunOutputs } from './inputs.ts';
import { groupArguments, instanceArguments, interfaceArguments } from './machine.ts';

/** A provider call retries throttling by itself: enough for a busy account, and an end. */
const MAX_RETRIES = 10;
/** A machine that is not running by then is given up; it is in the state, or found by its tags. */
const TIMEOUTS = { create: '5m', delete: '10m' };

/**
 * The Pulumi program of one run on EC2: a security group, an interface in it, a machine on the interface. Brought up again with another
 * placement it keeps the group and replaces what the placement decides.
 */
export function runProgram(inputs: () => RunInputs): () => Promise<Record<string, unknown>> {
  return () => {
    const now = inputs();
    preflight();
    const provider = new Provider('aws', {
      region: now.region,
      allowedAccountIds: [now.accountId],
      maxRetries: MAX_RETRIES,
    });
    const sandbox = new Sandbox('sandbox', now, { providers: [provider] });
    return Promise.resolve({ ...sandbox.exports });
  };
}

/** Everything of one run, so that a person sees one thing in Pulumi's own tools. */
class Sandbox extends pulumi.ComponentResource {
  readonly exports: { readonly [Name in keyof RunOutputs]: pulumi.Output<RunOutputs[Name]> };

  constructor(name: string, inputs: RunInputs, options: pulumi.ComponentResourceOptions) {
    super('burnbag:aws:Sandbox', name, {}, options);
    const here = { parent: this, customTimeouts: TIMEOUTS };
    const group = new ec2.SecurityGroup('group', groupArguments(inputs), here);
    const nic = new ec2.NetworkInterface('interface', interfaceArguments(inputs, [group.id]), here);
    const machine = new ec2.Instance('machine', instanceArguments(inputs, nic.id), here);
    this.exports = {
      machineId: machine.id,
      interfaceId: nic.id,
      securityGroupId: group.id,
      volumeId: machine.rootBlockDevice.volumeId,
      address: machine.privateIp,
      zone: machine.availabilityZone,
      instanceType: machine.instanceType,
      spot: pulumi.output(inputs.placement.spot),
    };
    this.registerOutputs();
  }
}

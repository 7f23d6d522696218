import { Provider } from '@pulumi/aws';
import * as pulumi from '@pulumi/pulumi';
import { preflight } from '../preflight.ts';
import { makeEvidenceBucket } from './evidence.ts';
import { type FoundationInputs, planOf, stateOf } from './inputs.ts';
import { makeKeys } from './keys.ts';
import { makeNetwork } from './network.ts';
import type { FoundationOutputs } from './outputs.ts';
import { makeRelayHost } from './relay-host.ts';
import { grantRoles, makeRoles } from './roles.ts';
import { makeBudget, makeTrail } from './trail.ts';

type Exports = { readonly [Name in keyof FoundationOutputs]: pulumi.Input<FoundationOutputs[Name]> };

/** The Pulumi program of the foundation: what is deployed once per account and region, and every run stands on. Returns FoundationOutputs. */
export function foundationProgram(inputs: FoundationInputs): () => Promise<Record<string, unknown>> {
  return () => {
    preflight();
    const provider = new Provider('aws', { region: inputs.region, allowedAccountIds: [inputs.accountId] });
    return Promise.resolve({ ...new Foundation('foundation', inputs, { providers: [provider] }).exports });
  };
}

/** All of it, so that a person sees one thing in Pulumi's own tools. */
class Foundation extends pulumi.ComponentResource {
  readonly exports: Exports;

  constructor(name: string, inputs: FoundationInputs, options: pulumi.ComponentResourceOptions) {
    super('burnbag:aws:Foundation', name, {}, options);
    const here = { parent: this };
    const network = makeNetwork(inputs, here);
    const relayHost = makeRelayHost(inputs, network.relayInterface, here);
    const roles = makeRoles(inputs, here);
    const keys = makeKeys(inputs, roles.orchestrator.arn, here);
    const bucket = makeEvidenceBucket(inputs, keys.evidence.arn, here);
    const means = {
      bucket: bucket.bucket,
      evidenceKeyArn: keys.evidence.arn,
      caKeyArn: keys.ca.arn,
      evidenceSigningKeyArn: keys.evidenceSigning.arn,
    };
    grantRoles(inputs, roles, pulumi.output({ ...means, state: stateOf(inputs) }), here);
    const trail = makeTrail(inputs, here);
    makeBudget(inputs, here);
    const { installationId, accountId, region } = inputs;
    const { bucket: evidenceBucket, ...keyArns } = means;
    this.exports = {
      installationId,
      accountId,
      region,
      sandboxVpcId: network.sandboxVpc.id,
      sandboxSubnets: pulumi.output(network.sandboxSubnets.map(({ id, availabilityZone: zone }) => ({ id, zone }))),
      relayVpcId: network.relayVpc.id,
      relaySubnetId: network.relaySubnet.id,
      relaySecurityGroupId: network.relayGroup.id,
      relayInterfaceId: network.relayInterface.id,
      relayAddress: planOf(inputs).relayAddress,
      evidenceBucket,
      ...keyArns,
      orchestratorRoleArn: roles.orchestrator.arn,
      reaperRoleArn: roles.reaper.arn,
      readerRoleArn: roles.reader.arn,
      publisherRoleArn: roles.publisher.arn,
      trailArn: trail.arn,
      ...(relayHost !== undefined && { relayInstanceId: relayHost.id, relayUsername: inputs.relay?.username ?? '' }),
      ...(inputs.state !== undefined && { stateUrl: inputs.state.url }),
    };
    this.registerOutputs();
  }
}

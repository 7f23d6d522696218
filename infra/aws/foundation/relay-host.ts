import { ec2 } from '@pulumi/aws';
import type * as pulumi from '@pulumi/pulumi';
import { DriverError } from '../../error.ts';
import { relayHostFiles } from '../relay/relay-host.ts';
import { foundationTags } from '../tags.ts';
import { type FoundationInputs, planOf } from './inputs.ts';

/**
 * The relay host, where the inputs ask for one: any Linux with sshd and cloud-init, on the interface that the foundation keeps, with no role,
 * no key pair and no public address. What it is told is public: whom it lets in, and where to. Told anything else it is another machine, made
 * when the one before is gone, since the interface fits into one; its host key is then another, too.
 */
export function makeRelayHost(
  inputs: FoundationInputs,
  relayInterface: ec2.NetworkInterface,
  options: pulumi.CustomResourceOptions,
): ec2.Instance | undefined {
  const { relay, installationId } = inputs;
  if (relay === undefined) return undefined;
  const tags = foundationTags(installationId, 'relay');
  return new ec2.Instance(
    'relay',
    {
      ami: relay.imageId,
      instanceType: relay.instanceType,
      primaryNetworkInterface: { networkInterfaceId: relayInterface.id },
      // cloud-init reads its user data there. Only with a token, and from the host itself: what it forwards goes to sandboxes alone.
      metadataOptions: { httpEndpoint: 'enabled', httpTokens: 'required', httpPutResponseHopLimit: 1 },
      userData: userDataOf(inputs),
      userDataReplaceOnChange: true,
      rootBlockDevice: { encrypted: true, deleteOnTermination: true, volumeType: 'gp3' },
      monitoring: false,
      volumeTags: tags,
      tags,
      ...(BURSTABLE.test(relay.instanceType) && { creditSpecification: { cpuCredits: 'standard' } }),
    },
    { ...options, deleteBeforeReplace: true },
  );
}

/** t3, t4g, but not trn1. */
const BURSTABLE = /^t[0-9]/;

function userDataOf(inputs: FoundationInputs): string {
  const { username = '', publicKey } = inputs.relay ?? {};
  if (publicKey === undefined) throw withoutKey();
  const subnets = planOf(inputs).sandboxSubnets.map(({ cidr }) => cidr);
  return relayHostFiles({ subnets, username, publicKeyLine: publicKey }).cloudConfig;
}

function withoutKey(): DriverError {
  return new DriverError('bad_foundation', {
    expected: 'relay.publicKey, the key that Burnbag logs in to the relay host with',
    got: 'none',
    hint: '`burnbag aws relay-config` prints it; `burnbag aws foundation up` takes the data directory’s by itself',
  });
}

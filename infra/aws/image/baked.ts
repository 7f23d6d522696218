import { createHash } from 'node:crypto';
import { TAGS, type Tags } from '../tags.ts';

/** What is baked into an image for good: it trusts this CA, lets in this relay, forwards to these destinations, and no other. */
export interface Baked {
  /** OpenSSH line of the CA's public key. */
  readonly caPublicKey: string;
  /** Private IPv4 address of the relay's interface. */
  readonly relayAddress: string;
  /** Of the profile whose runs start from it, `127.0.0.1:PORT` each; none for every profile without tunnels. */
  readonly tunnels: readonly string[];
}

/** The tags that tell what is baked in. */
export function bakedTags({ caPublicKey, relayAddress, tunnels }: Baked): Tags {
  const list = tunnels.length === 0 ? NO_TUNNELS : tunnels.toSorted().join(' ');
  return { [TAGS.ca]: caFingerprint(caPublicKey), [TAGS.relay]: relayAddress, [TAGS.tunnels]: list };
}

const NO_TUNNELS = 'none';

/** Where an image's sshd may forward to; nowhere where its tags do not say. */
export function tunnelsOf(tags: Tags): readonly string[] {
  const list = tags[TAGS.tunnels] ?? NO_TUNNELS;
  return list === NO_TUNNELS ? [] : list.split(' ');
}

/** What an image's tags say that does not fit, `its burnbag:relay is none, not 10.84.0.10`; undefined where all of it fits. */
export function misfitOf(tags: Tags, baked: Baked): string | undefined {
  // An image without that tag is from before there was one, and has none.
  const said: Tags = { [TAGS.tunnels]: NO_TUNNELS, ...tags };
  const [misfit] = Object.entries(bakedTags(baked)).filter(([name, value]) => said[name] !== value);
  if (misfit === undefined) return undefined;
  const [name, value] = misfit;
  return `its ${name} is ${said[name] ?? 'none'}, not ${value}`;
}

/** A public key's fingerprint as `ssh-keygen -l` prints it (RFC 4255's idea, OpenSSH's text). */
export function caFingerprint(publicKeyLine: string): string {
  const blob = Buffer.from(publicKeyLine.split(' ')[1] ?? '', 'base64');
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

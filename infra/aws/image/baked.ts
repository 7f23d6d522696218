import { createHash } from 'node:crypto';
import { TAGS, type Tags } from '../tags.ts';

/** What is baked into an image for good: it trusts this CA and lets in this relay, and no other. */
export interface Baked {
  /** OpenSSH line of the CA's public key. */
  readonly caPublicKey: string;
  /** Private IPv4 address of the relay's interface. */
  readonly relayAddress: string;
}

/** The tags that tell what is baked in. */
export function bakedTags({ caPublicKey, relayAddress }: Baked): Tags {
  return { [TAGS.ca]: caFingerprint(caPublicKey), [TAGS.relay]: relayAddress };
}

/** What an image's tags say that does not fit, `its burnbag:relay is none, not 10.84.0.10`; undefined where all of it fits. */
export function misfitOf(tags: Tags, baked: Baked): string | undefined {
  const [misfit] = Object.entries(bakedTags(baked)).filter(([name, value]) => tags[name] !== value);
  if (misfit === undefined) return undefined;
  const [name, value] = misfit;
  return `its ${name} is ${tags[name] ?? 'none'}, not ${value}`;
}

/** A public key's fingerprint as `ssh-keygen -l` prints it (RFC 4255's idea, OpenSSH's text). */
export function caFingerprint(publicKeyLine: string): string {
  const blob = Buffer.from(publicKeyLine.split(' ')[1] ?? '', 'base64');
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { canonicalJson } from '../../executor/protocol/index.ts';
import { readIfThere } from './durable.ts';
import { EvidenceError } from './errors.ts';
import { Manifest } from './format/manifest.ts';
import { SEAL_FILES } from './format/names.ts';
import { evidenceStatement } from './format/statement.ts';
import { Envelope, isSignedBy, payloadOf } from './keys/dsse.ts';
import type { PublicKey } from './keys/public-key.ts';
import { readCanonical } from './read-canonical.ts';

/** A bundle that is sealed. */
export interface Seal {
  readonly manifest: Manifest;
  /** SHA-256 of manifest.json. */
  readonly evidenceRoot: string;
  readonly keyId: string;
}

/** The seal of a folder, if all of it is there and this key signed it; undefined otherwise. Does not look at the files of evidence. */
export async function readSeal(dir: string, key: PublicKey): Promise<Seal | undefined> {
  const [manifestBytes, envelopeBytes] = await Promise.all([
    readIfThere(join(dir, SEAL_FILES.manifest)),
    readIfThere(join(dir, SEAL_FILES.envelope)),
  ]);
  if (manifestBytes === undefined || envelopeBytes === undefined) return undefined;
  const manifest = readCanonical(manifestBytes, Manifest);
  const envelope = readCanonical(envelopeBytes, Envelope);
  if ('problem' in manifest || 'problem' in envelope || !isSignedBy(envelope.value, key.key)) return undefined;
  const evidenceRoot = createHash('sha256').update(manifestBytes).digest('hex');
  const expected = canonicalJson(evidenceStatement(manifest.value, evidenceRoot));
  if (payloadOf(envelope.value)?.toString() !== expected) return undefined;
  return { manifest: manifest.value, evidenceRoot, keyId: key.keyId };
}

/** The seal of a folder; throws EvidenceError (`not_sealed`) where there is none by this key. */
export async function requireSeal(dir: string, key: PublicKey): Promise<Seal> {
  const seal = await readSeal(dir, key);
  if (seal !== undefined) return seal;
  throw new EvidenceError('not_sealed', {
    expected: `${dir} to be sealed by key ${key.keyId}`,
    got: 'no seal, or one that does not hold',
    hint: 'seal the run first',
  });
}

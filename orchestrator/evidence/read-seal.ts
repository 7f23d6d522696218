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
  const listed = await readManifest(dir);
  const envelopeBytes = await readIfThere(join(dir, SEAL_FILES.envelope));
  if (listed === undefined || envelopeBytes === undefined) return undefined;
  const envelope = readCanonical(envelopeBytes, Envelope);
  if ('problem' in envelope || !isSignedBy(envelope.value, key.key)) return undefined;
  const expected = canonicalJson(evidenceStatement(listed.manifest, listed.evidenceRoot));
  if (payloadOf(envelope.value)?.toString() !== expected) return undefined;
  return { ...listed, keyId: key.keyId };
}

/** The manifest of a folder, signed or not; undefined where there is none that can be read. */
export async function readManifest(dir: string): Promise<Pick<Seal, 'manifest' | 'evidenceRoot'> | undefined> {
  const bytes = await readIfThere(join(dir, SEAL_FILES.manifest));
  const read = bytes === undefined ? undefined : readCanonical(bytes, Manifest);
  if (bytes === undefined || read === undefined || 'problem' in read) return undefined;
  return { manifest: read.value, evidenceRoot: createHash('sha256').update(bytes).digest('hex') };
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

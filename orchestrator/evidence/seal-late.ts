import { canonicalJson } from '../../executor/protocol/index.ts';
import { EvidenceError } from './errors.ts';
import { RESERVED_NAMES } from './format/names.ts';
import type { Manifest } from './format/manifest.ts';
import { listFolder } from './folder.ts';
import type { PublicKey } from './keys/public-key.ts';
import type { Signer } from './keys/signer.ts';
import { readReceipt } from './read-receipt.ts';
import { readManifest, readSeal, type Seal } from './read-seal.ts';
import { signManifest } from './seal.ts';
import { readBundle } from './witness/read-bundle.ts';

/** A bundle whose seal may be owed. */
export interface LateSealRequest {
  readonly dir: string;
  readonly signer: Signer;
  /** Whose receipt says what was to be sealed. */
  readonly receiptKey: PublicKey;
}

/**
 * Signs the manifest of a run that was burned while its signer was down. Nothing is judged anew and nothing can be slipped in meanwhile: the receipt, which another
 * key signed at the burn, has the manifest's digest and says that the seal was missing; every file must still be as the manifest lists it. A seal that is
 * there is returned as it is. Throws EvidenceError: `not_sealed` where there is nothing that may be signed, `signer_failed` while the signer is still down.
 */
export async function sealLate({
  dir,
  signer,
  receiptKey,
}: LateSealRequest): Promise<Seal & { readonly isLate: boolean }> {
  const sealed = await readSeal(dir, signer.publicKey);
  const receipt = await readReceipt(dir, receiptKey);
  const isLate = receipt?.predicate.seal === 'missing';
  if (sealed !== undefined) return { ...sealed, isLate };
  const listed = await readManifest(dir);
  if (listed === undefined || !isLate || receipt.predicate.evidence_root !== listed.evidenceRoot) {
    throw notSealed(dir, 'a manifest that was only not signed, and a receipt that names it', 'none, or another');
  }
  await requireUnchanged(dir, listed.manifest);
  return { ...(await signManifest(dir, signer, listed.manifest)), isLate };
}

async function requireUnchanged(dir: string, { files, run }: Manifest): Promise<void> {
  const { names, problem } = await listFolder(dir);
  if (problem !== undefined) throw notSealed(dir, problem.expected, problem.got);
  const evidence = names.filter((name) => !RESERVED_NAMES.has(name));
  const { files: found } = await readBundle(dir, evidence, run.run_id);
  const changed = files.find((entry, at) => canonicalJson(entry) !== canonicalJson(found[at] ?? null));
  if (changed !== undefined || found.length !== files.length)
    throw notSealed(
      dir,
      'every file as its manifest lists it',
      `${changed?.name ?? 'more files'} changed since the run was burned`,
    );
}

function notSealed(dir: string, expected: string, got: string): EvidenceError {
  return new EvidenceError('not_sealed', {
    expected: `${expected}, in ${dir}`,
    got,
    hint: 'what is there cannot be sealed any more; find out who changed it',
  });
}

import type { Manifest } from './manifest.ts';
import { SEAL_FILES } from './names.ts';
import { object, type Read } from './shape.ts';
import { Sha256, Text } from './values.ts';

/** in-toto attestation, Statement v1: https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md */
export const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
/** What a signature is for stands inside what is signed: a seal can never pass for a receipt, nor the other way round. */
export const EVIDENCE_PREDICATE = 'https://burnbag.dev/evidence/v1';
export const RECEIPT_PREDICATE = 'https://burnbag.dev/receipt/v1';
export const LATE_ARCHIVE_PREDICATE = 'https://burnbag.dev/late-archive/v1';

/** One thing a statement is about. */
export const Subject = object({ name: Text, digest: object({ sha256: Sha256 }) });
export type Subject = Read<typeof Subject>;

export function subject(name: string, sha256: string): Subject {
  return { name, digest: { sha256 } };
}

/** What is signed about a bundle: wholly determined by its manifest, so a verifier makes it anew and compares the bytes. */
export function evidenceStatement(manifest: Manifest, evidenceRoot: string) {
  return {
    _type: STATEMENT_TYPE,
    subject: [
      subject(SEAL_FILES.manifest, evidenceRoot),
      ...manifest.files.map(({ name, sha256 }) => subject(name, sha256)),
    ],
    predicateType: EVIDENCE_PREDICATE,
    predicate: {
      version: 1,
      run_id: manifest.run.run_id,
      machine_id: manifest.run.machine_id,
      image_digest: manifest.run.image_digest,
      evidence_root: evidenceRoot,
      merkle_root: manifest.merkle_root,
      verdict: manifest.verdict,
      sealed_at: manifest.sealed_at,
    },
  };
}

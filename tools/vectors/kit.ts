import { createHash } from 'node:crypto';
import { canonicalJson } from '../../executor/protocol/index.ts';
import type { KeyPurpose, Manifest, ReceiptPredicate, Signer } from '../../orchestrator/evidence/index.ts';
import { merkleRoot } from '../../orchestrator/evidence/format/merkle.ts';
import { receiptStatement } from '../../orchestrator/evidence/format/receipt.ts';
import { evidenceStatement } from '../../orchestrator/evidence/format/statement.ts';
import { signStatement } from '../../orchestrator/evidence/keys/sign-statement.ts';

/** Files by name. */
export type Bundle = ReadonlyMap<string, Buffer>;
type Signers = Readonly<Record<KeyPurpose, Signer>>;

type Stamp = (bytes: Buffer, by: 'own' | 'strangers') => Promise<Buffer>;

const noStamp: Stamp = () => Promise.reject(new Error('expected a timestamp authority'));

/** A bundle and everything one needs to change it, with the keys of its signers or without. */
export class Kit {
  readonly bundle: Bundle;
  /** Of those who signed it. */
  readonly own: Signers;
  /** Of somebody else. */
  readonly strangers: Signers;
  /** A timestamp over these bytes, by the bundle's own authority or by a stranger's. */
  readonly stamp: Stamp;

  constructor(bundle: Bundle, own: Signers, strangers: Signers, stamp: Stamp = noStamp) {
    this.bundle = bundle;
    this.own = own;
    this.strangers = strangers;
    this.stamp = stamp;
  }

  file(name: string): Buffer {
    const bytes = this.bundle.get(name);
    if (bytes === undefined) throw new Error(`expected ${name} in the bundle`);
    return bytes;
  }

  get manifest(): Manifest {
    return JSON.parse(this.file('manifest.json').toString()) as Manifest;
  }

  get receipt(): ReceiptPredicate {
    return (JSON.parse(this.file('receipt.json').toString()) as { predicate: ReceiptPredicate }).predicate;
  }

  /** A manifest, sealed as the real one was, or by another signer. */
  async seal(manifest: Manifest, signer = this.own.evidence): Promise<Bundle> {
    const text = canonicalJson(manifest);
    const signed = await signStatement(evidenceStatement(manifest, sha256(text)), signer);
    return asFiles({
      'manifest.json': text,
      'statement.json': signed.statement,
      'envelope.dsse.json': signed.envelope,
      'evidence.pub': signer.publicKey.pem,
    });
  }

  /** A receipt, signed as the real one was, or by another signer. */
  async sign(predicate: ReceiptPredicate, signer = this.own.receipt): Promise<Bundle> {
    return this.signStatement(receiptStatement(predicate), signer);
  }

  async signStatement(statement: object, signer = this.own.receipt): Promise<Bundle> {
    const signed = await signStatement(statement, signer);
    return asFiles({
      'receipt.json': signed.statement,
      'receipt.dsse.json': signed.envelope,
      'receipt.pub': signer.publicKey.pem,
    });
  }

  /** The manifest with some files changed, sizes, digests and root made anew. */
  relist(changed: Bundle): Manifest {
    const files = this.manifest.files.map((entry) => {
      const bytes = changed.get(entry.name);
      return bytes === undefined ? entry : { name: entry.name, bytes: bytes.length, sha256: sha256(bytes) };
    });
    return { ...this.manifest, files, merkle_root: merkleRoot(files) };
  }
}

export function sha256(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function asFiles(texts: Readonly<Record<string, string>>): Bundle {
  return new Map(Object.entries(texts).map(([name, text]) => [name, Buffer.from(text)]));
}

import { Envelope, isSignedBy, payloadOf } from '../keys/dsse.ts';
import { parsePublicKey, type PublicKey } from '../keys/public-key.ts';
import { readCanonical } from '../read-canonical.ts';
import { RECEIPT_FILES } from '../format/names.ts';
import { CheckFailed, type CheckList, type Shown } from './check-list.ts';
import { type ControlFiles, fileOf } from './control-files.ts';

/** One key, in the one form it has: any other byte in the file is another file. */
export function checkKey(files: ControlFiles, name: string): Shown<PublicKey> {
  const key = parsePublicKey(fileOf(files, name).toString('latin1'));
  if (key === undefined)
    throw new CheckFailed(`${name} to be one ed25519 or P-256 public key (SPKI PEM)`, 'something else');
  return [key, key.keyId];
}

/** A receipt signed with the key that sealed the evidence would take one stolen key to forge, not two. */
export function checkReceiptKey(files: ControlFiles, evidenceKey: PublicKey): Shown<PublicKey> {
  const shown = checkKey(files, RECEIPT_FILES.key);
  if (shown[0].keyId === evidenceKey.keyId) throw new CheckFailed('a receipt key of its own', 'the evidence key');
  return shown;
}

/** The envelope's payload, if exactly this key signed exactly that. */
export function checkSignature(files: ControlFiles, name: string, key: PublicKey): Shown<Buffer> {
  const read = readCanonical(fileOf(files, name), Envelope);
  if ('problem' in read) throw new CheckFailed(`${name} to be a DSSE envelope in canonical JSON`, read.problem);
  const [{ keyid }] = read.value.signatures;
  if (keyid !== key.keyId) throw new CheckFailed(`${name} to name key ${key.keyId}`, keyid);
  const payload = payloadOf(read.value);
  if (payload === undefined || !isSignedBy(read.value, key.key))
    throw new CheckFailed(`${name} to be signed by key ${key.keyId}`, 'another signature');
  return [payload, `${key.key.asymmetricKeyType === 'ec' ? 'P-256' : 'ed25519'}, DSSE`];
}

/** The signer is one of those the caller trusts for this purpose; where it trusts nobody, that is said instead. */
export async function checkSigner(
  list: CheckList,
  code: 'evidence_signer' | 'receipt_signer',
  key: PublicKey,
  trusted: readonly PublicKey[],
): Promise<void> {
  if (trusted.length === 0) {
    list.pass(
      code,
      'signer not checked: no trusted key was given, and the one in the bundle proves nothing about who made it',
    );
    return;
  }
  await list.check(code, () => {
    if (trusted.some(({ keyId }) => keyId === key.keyId)) return [undefined, key.keyId];
    throw new CheckFailed(`one of the trusted keys (${trusted.map(({ keyId }) => keyId).join(', ')})`, key.keyId);
  });
}

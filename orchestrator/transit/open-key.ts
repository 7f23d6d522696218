import { createPublicKey, type KeyObject } from 'node:crypto';
import * as z from 'zod';
import { callTransit, type TransitAccess } from './call.ts';
import { TransitError } from './error.ts';

/** A key that lies in a Vault and never leaves it; of the same shape as one in KMS. */
export interface TransitKey {
  readonly publicKey: KeyObject;
  /** Signs exactly these bytes: ed25519's 64 bytes, or P-256's r and s with SHA-256, in DER. Rejects with TransitError. */
  sign(data: Uint8Array, signal: AbortSignal): Promise<Buffer>;
}

const Versions = z.record(z.string().regex(/^[1-9][0-9]*$/), z.object({ public_key: z.string() }));
const Described = z.object({
  type: z.enum(['ed25519', 'ecdsa-p256']),
  latest_version: z.int().min(1),
  keys: Versions,
});
const Signed = z.object({ signature: z.string() });

/** A server in another house answers within seconds or not at all. */
const OPEN_LIMIT_MS = 15_000;

/**
 * Opens a signing key of Vault's (or OpenBao's) Transit engine by its name, `NAME` or `NAME@VERSION`: reads its public half once and stays with that
 * version, so that a rotation changes nobody's key unseen. Kinds: ed25519, ecdsa-p256. Rejects with TransitError.
 */
export async function openTransitKey(access: TransitAccess, key: string): Promise<TransitKey> {
  const [name = '', asked] = key.split('@');
  const described = await callTransit(access, `keys/${name}`, { signal: AbortSignal.timeout(OPEN_LIMIT_MS) });
  const parsed = Described.safeParse(described);
  if (!parsed.success) throw unfit(key, `a key that is none of the two (${parsed.error.issues[0]?.message ?? ''})`);
  const { type, keys, latest_version: latest } = parsed.data;
  const version = asked ?? String(latest);
  const found = keys[version];
  if (found === undefined) throw unfit(key, `versions ${Object.keys(keys).join(', ')}`);
  return {
    publicKey: parsePublicKey(key, type, found.public_key),
    sign: (data, signal) => sign(access, { name, version, type }, Buffer.from(data), signal),
  };
}

type KeyType = z.infer<typeof Described>['type'];

/** The engine gives ed25519 as 32 bytes in base64, P-256 as SPKI in PEM. */
function parsePublicKey(key: string, type: KeyType, text: string): KeyObject {
  try {
    if (type === 'ecdsa-p256') return createPublicKey(text);
    const x = Buffer.from(text, 'base64').toString('base64url');
    return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  } catch {
    throw unfit(key, 'a public half that is no key');
  }
}

async function sign(
  access: TransitAccess,
  { name, version, type }: { name: string; version: string; type: KeyType },
  data: Buffer,
  signal: AbortSignal,
): Promise<Buffer> {
  const body = {
    input: data.toString('base64'),
    key_version: Number(version),
    ...(type === 'ecdsa-p256' && { hash_algorithm: 'sha2-256', marshaling_algorithm: 'asn1' }),
  };
  const answer = Signed.safeParse(await callTransit(access, `sign/${name}`, { body, signal }));
  const [, prefix, encoded] = /^vault:v([0-9]+):([A-Za-z0-9+/]+={0,2})$/.exec(answer.data?.signature ?? '') ?? [];
  if (prefix !== version || encoded === undefined) throw unfit(`${name}@${version}`, 'an answer without its signature');
  return Buffer.from(encoded, 'base64');
}

function unfit(key: string, got: string): TransitError {
  return new TransitError('transit_unfit', {
    expected: `key ${key} of the Transit engine, ed25519 or ecdsa-p256`,
    got,
    hint: 'make one with `vault write transit/keys/NAME type=ed25519`, and name it in transit.keys of config.json',
  });
}

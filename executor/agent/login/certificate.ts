import { parseCaKey, parseSignature } from './ca-key.ts';
import { malformed, WireReader } from './wire.ts';

/** The only kind of certificate there is here, as OpenSSH names it. */
export const CERTIFICATE_TYPE = 'ssh-ed25519-cert-v01@openssh.com';

/** An OpenSSH user certificate, read but not yet believed. Times are unix seconds. */
export interface Certificate {
  readonly serial: bigint;
  /** 1 is user, 2 is host. */
  readonly type: number;
  readonly keyId: string;
  readonly principals: readonly string[];
  readonly validAfter: bigint;
  readonly validBefore: bigint;
  readonly criticalOptions: ReadonlyMap<string, string>;
  readonly extensions: ReadonlyMap<string, string>;
  /** The CA's raw key, as the certificate claims it. */
  readonly caKey: Buffer;
  /** The bytes that the signature is over. */
  readonly signed: Buffer;
  readonly signature: Buffer;
}

/**
 * Parses the wire format of an ed25519 certificate (OpenSSH's PROTOCOL.certkeys), strictly: options in order and each once, nothing reserved
 * in use, nothing left over. Throws LoginRefused.
 */
export function parseCertificate(blob: Buffer): Certificate {
  const reader = new WireReader(blob);
  if (reader.text() !== CERTIFICATE_TYPE) throw malformed(CERTIFICATE_TYPE, 'another type');
  reader.exactly(32, 'nonce');
  reader.exactly(32, 'public key');
  const body = {
    serial: reader.uint64(),
    type: reader.uint32(),
    keyId: reader.text(),
    principals: parseNames(reader.string()),
    validAfter: reader.uint64(),
    validBefore: reader.uint64(),
    criticalOptions: parseOptions(reader.string()),
    extensions: parseOptions(reader.string()),
  };
  reader.exactly(0, 'reserved field');
  const caKey = parseCaKey(reader.string());
  const signed = blob.subarray(0, reader.position);
  const signature = parseSignature(reader.string(), caKey);
  reader.end();
  return { ...body, caKey, signed, signature };
}

function parseNames(bytes: Buffer): string[] {
  const reader = new WireReader(bytes);
  const names: string[] = [];
  while (!reader.atEnd) names.push(reader.text());
  return names;
}

/** Name and data, where data is itself a string inside a string; an option without a value has empty data. */
function parseOptions(bytes: Buffer): Map<string, string> {
  const reader = new WireReader(bytes);
  const options = new Map<string, string>();
  let last = Buffer.alloc(0);
  while (!reader.atEnd) {
    const name = reader.text();
    const raw = Buffer.from(name);
    if (options.size > 0 && Buffer.compare(last, raw) >= 0)
      throw malformed('options in order, each once', 'another order');
    last = raw;
    options.set(name, parseValue(reader.string()));
  }
  return options;
}

function parseValue(data: Buffer): string {
  if (data.length === 0) return '';
  const reader = new WireReader(data);
  const value = reader.text();
  reader.end();
  return value;
}

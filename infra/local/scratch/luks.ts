import { createCipheriv, hash, pbkdf2, randomBytes, randomUUID } from 'node:crypto';
import { promisify } from 'node:util';

/*
 * A LUKS1 header (LUKS On-Disk Format Specification 1.2.3), as QEMU's `luks` block driver opens it: AES-256-XTS, plain64, SHA-256.
 *
 * Why not `qemu-img create -f luks`: QEMU 7.2 first measures how many PBKDF2 rounds take a second, twice, whatever `iter-time` says;
 * that is 2.4 s of a core for a disk that lives a minute. Stretching protects a weak passphrase; ours is 256 random bits, so the
 * format's smallest round count is enough and the whole header takes milliseconds.
 *
 *   0        header: cipher, digest of the master key, eight key slots (one in use)
 *   4096     key material of slot 0: the master key, split into 4000 stripes and encrypted under the passphrase's key
 *   262144   room for the key material of slots 1 to 7, never used
 *   2068480  payload: what the guest sees
 */

/** First byte of what the guest sees; the layout `qemu-img` and cryptsetup choose for this cipher. */
export const PAYLOAD_OFFSET = 4040 * 512;

/** Makes a header with a fresh master key that only `passphrase` opens. The master key is forgotten at once. */
export async function makeLuksHeader(passphrase: string): Promise<Buffer> {
  const masterKey = randomBytes(KEY_BYTES);
  const slotSalt = randomBytes(SALT_BYTES);
  const digestSalt = randomBytes(SALT_BYTES);
  const slotKey = await derive(passphrase, slotSalt, ROUNDS, KEY_BYTES, 'sha256');
  const digest = await derive(masterKey, digestSalt, ROUNDS, DIGEST_BYTES, 'sha256');
  const split = splitKey(masterKey);
  const header = Buffer.alloc(SLOT_0_SECTOR * SECTOR + SLOT_SECTORS * SECTOR);
  writeFixedPart(header, digest, digestSalt);
  writeSlots(header, slotSalt);
  encryptSectors(split, slotKey).copy(header, SLOT_0_SECTOR * SECTOR);
  for (const secret of [masterKey, slotKey, split]) secret.fill(0);
  return header;
}

const SECTOR = 512;
/** XTS takes two AES-256 keys. */
const KEY_BYTES = 64;
const SALT_BYTES = 32;
const DIGEST_BYTES = 20;
const SLOTS = 8;
/** Both readers we care about (QEMU, the kernel) refuse any other number. */
const STRIPES = 4000;
/** Length of a SHA-256. */
const DIFFUSED_BYTES = 32;
/** The format's minimum. */
const ROUNDS = 1000;
const SLOT_0_SECTOR = 8;
const SLOT_SECTORS = 504;
const SLOT_ENABLED = 0x00ac71f3;
const SLOT_DISABLED = 0x0000dead;

const derive = promisify(pbkdf2);

function writeFixedPart(header: Buffer, digest: Buffer, digestSalt: Buffer): void {
  Buffer.from('LUKS\xba\xbe', 'latin1').copy(header, 0);
  header.writeUInt16BE(1, 6);
  header.write('aes', 8, 'ascii');
  header.write('xts-plain64', 40, 'ascii');
  header.write('sha256', 72, 'ascii');
  header.writeUInt32BE(PAYLOAD_OFFSET / SECTOR, 104);
  header.writeUInt32BE(KEY_BYTES, 108);
  digest.copy(header, 112);
  digestSalt.copy(header, 132);
  header.writeUInt32BE(ROUNDS, 164);
  header.write(randomUUID(), 168, 'ascii');
}

function writeSlots(header: Buffer, salt: Buffer): void {
  for (let slot = 0; slot < SLOTS; slot++) {
    const at = 208 + slot * 48;
    const enabled = slot === 0;
    header.writeUInt32BE(enabled ? SLOT_ENABLED : SLOT_DISABLED, at);
    header.writeUInt32BE(enabled ? ROUNDS : 0, at + 4);
    if (enabled) salt.copy(header, at + 8);
    header.writeUInt32BE(SLOT_0_SECTOR + slot * SLOT_SECTORS, at + 40);
    header.writeUInt32BE(STRIPES, at + 44);
  }
}

/** Anti-forensic split: all stripes together give the key, any one missing gives nothing. */
function splitKey(key: Buffer): Buffer {
  const split = randomBytes(KEY_BYTES * STRIPES);
  const last = (STRIPES - 1) * KEY_BYTES;
  let block: Buffer = Buffer.alloc(KEY_BYTES);
  for (let at = 0; at < last; at += KEY_BYTES) {
    xorInto(block, split, at);
    block = diffuse(block);
  }
  xorInto(block, key, 0);
  block.copy(split, last);
  return split;
}

/** Every 32 bytes are replaced by the hash of their number and themselves. */
function diffuse(block: Buffer): Buffer {
  const numbered = Buffer.alloc(4 + DIFFUSED_BYTES);
  const parts: Buffer[] = [];
  for (let at = 0; at < block.length; at += DIFFUSED_BYTES) {
    numbered.writeUInt32BE(at / DIFFUSED_BYTES);
    block.copy(numbered, 4, at, at + DIFFUSED_BYTES);
    parts.push(hash('sha256', numbered, 'buffer'));
  }
  return Buffer.concat(parts);
}

function xorInto(target: Buffer, source: Buffer, at: number): void {
  for (let byte = 0; byte < target.length; byte++) target[byte] = (target[byte] ?? 0) ^ (source[at + byte] ?? 0);
}

function encryptSectors(plain: Buffer, key: Buffer): Buffer {
  const sectors: Buffer[] = [];
  for (let at = 0, number = 0; at < plain.length; at += SECTOR, number++) {
    const tweak = Buffer.alloc(16);
    tweak.writeUInt32LE(number);
    const cipher = createCipheriv('aes-256-xts', key, tweak);
    sectors.push(cipher.update(plain.subarray(at, at + SECTOR)), cipher.final());
  }
  return Buffer.concat(sectors);
}

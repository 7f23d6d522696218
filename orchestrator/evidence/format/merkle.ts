import { createHash } from 'node:crypto';
import { canonicalJson } from '../../../executor/protocol/canonical.ts';
import type { FileEntry } from './manifest.ts';

/**
 * Root of the Merkle tree over the manifest's file entries, in the manifest's order (RFC 6962, section 2.1: leaves are hashed with a
 * 0x00 before them, nodes with 0x01, so that no node passes for a leaf). One file can then be shown to belong to a bundle without the others.
 */
export function merkleRoot(files: readonly FileEntry[]): string {
  return treeHash(files.map((file) => hash(0x00, Buffer.from(canonicalJson(file))))).toString('hex');
}

function treeHash(leaves: readonly Buffer[]): Buffer {
  const [first] = leaves;
  if (first === undefined) return createHash('sha256').digest();
  if (leaves.length === 1) return first;
  const half = largestPowerOfTwoBelow(leaves.length);
  return hash(0x01, treeHash(leaves.slice(0, half)), treeHash(leaves.slice(half)));
}

function largestPowerOfTwoBelow(count: number): number {
  let power = 1;
  while (power * 2 < count) power *= 2;
  return power;
}

function hash(prefix: number, ...parts: readonly Buffer[]): Buffer {
  const digest = createHash('sha256').update(Buffer.of(prefix));
  for (const part of parts) digest.update(part);
  return digest.digest();
}

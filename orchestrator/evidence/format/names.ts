import { pattern } from './shape.ts';

/** Files of a bundle that seal it. They are never listed in the manifest; each is covered by a signature or by the receipt. */
export const SEAL_FILES = {
  manifest: 'manifest.json',
  statement: 'statement.json',
  envelope: 'envelope.dsse.json',
  key: 'evidence.pub',
} as const;

/** A timestamp (RFC 3161) over the bytes of the envelope, where one was asked for and came: an authority's signature, and covered by the receipt. */
export const TIMESTAMP_FILE = 'timestamp.tst';

/** What the archive answered: known only after upload, therefore covered by the receipt. */
export const ARCHIVE_FILE = 'archive.json';

/** What the archive answered when it was reached only after the receipt was signed: signed by itself, in one file, which is there whole or not at all. */
export const LATE_FILE = 'late-archive.dsse.json';

/** What was said while the run was being destroyed: it comes after the seal, therefore covered by the receipt. */
export const BURN_FILE = 'burn.ndjson';

/** Files of the receipt of destruction. */
export const RECEIPT_FILES = { statement: 'receipt.json', envelope: 'receipt.dsse.json', key: 'receipt.pub' } as const;

/** Every name that a file of evidence may not have. */
export const RESERVED_NAMES: ReadonlySet<string> = new Set([
  ...Object.values(SEAL_FILES),
  TIMESTAMP_FILE,
  ARCHIVE_FILE,
  BURN_FILE,
  ...Object.values(RECEIPT_FILES),
  LATE_FILE,
]);

/** Files of one bundle: more than any run makes, few enough that a hostile bundle cannot keep a verifier busy with names. */
export const FILES_MAX = 256;

/** Largest manifest, statement, envelope, archive record, burn log or receipt: they are read whole into memory. */
export const CONTROL_FILE_MAX_BYTES = 4 * 1024 * 1024;

const FILE_NAME = /^[a-z0-9][a-z0-9._-]{0,62}[a-z0-9]$/;

/** By UTF-16 code unit: one order on every machine, whatever its language. */
export function byName(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/** Tells whether a name may stand in a bundle. */
export function isFileName(name: string): boolean {
  return FILE_NAME.test(name);
}

/**
 * A flat name: lowercase, so that no file system folds two into one; no separator, no leading dot, no leading dash.
 * Nothing in it can leave the folder or drive a terminal.
 */
export const FileName = pattern(FILE_NAME, '2 to 64 of a-z 0-9 . _ -, beginning and ending with a letter or digit');

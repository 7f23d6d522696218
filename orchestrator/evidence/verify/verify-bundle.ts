import type { ArchiveRecord } from '../format/archive-record.ts';
import type { Manifest } from '../format/manifest.ts';
import { RECEIPT_FILES, SEAL_FILES } from '../format/names.ts';
import type { ReceiptPredicate } from '../format/receipt.ts';
import { NOBODY, type TrustedKeys } from '../keys/trusted-keys.ts';
import { checkArchiveRecord, checkLateArchive } from './archive-checks.ts';
import { type Check, CheckList } from './check-list.ts';
import { checkFolder, checkReceiptFiles, checkSealFiles } from './control-files.ts';
import {
  checkFileList,
  checkFiles,
  checkManifest,
  checkMerkleRoot,
  checkStatement,
  checkVerdict,
} from './manifest-checks.ts';
import { checkAbsence, checkBinding, checkReceiptIds, checkReceiptStatement } from './receipt-checks.ts';
import type { Certificate } from '../timestamp/certificate.ts';
import { checkTimestamp } from './timestamp-checks.ts';
import { checkKey, checkReceiptKey, checkSignature, checkSigner } from './signature-checks.ts';

/** What a verification found. */
export interface Verification {
  /**
   * `verified`: every check held, and both signers are trusted. `self_consistent`: every check held, but at least one signer was not
   * checked: whoever made the bundle may have made the keys too. `refused`: `firstFailure` says what is wrong.
   */
  readonly verdict: 'verified' | 'self_consistent' | 'refused';
  readonly checks: readonly Check[];
  readonly firstFailure?: Check;
  /** What was read before the first failure; to be believed only as far as `verdict` says. */
  readonly manifest?: Manifest;
  readonly evidenceRoot?: string;
  readonly archive?: ArchiveRecord;
  readonly receipt?: ReceiptPredicate;
  /** Of the files of evidence, as far as they were read. */
  readonly bytes: number;
  readonly durationMs: number;
}

/** Whose word counts; nobody's, unless said. */
export interface VerifyOptions {
  readonly trust?: TrustedKeys;
  /** Certificates of timestamp authorities. */
  readonly authorities?: readonly Certificate[];
}

/**
 * Checks a bundle with nothing but its folder and the keys of those who may sign. Reads every byte once, follows no link, writes
 * nothing. Never throws over what is in the bundle: whatever is wrong is the first failed check.
 */
export async function verifyBundle(dir: string, options: VerifyOptions = {}): Promise<Verification> {
  const startedAt = performance.now();
  const list = new CheckList();
  const found: Found = { bytes: 0 };
  let failed = false;
  try {
    await checkBundle(list, found, dir, { trust: NOBODY, authorities: [], ...options });
  } catch {
    // It is in the list.
    failed = true;
  }
  const checks = list.list();
  const firstFailure = checks.find(({ status }) => status === 'failed');
  const isTrusted = checks.every(({ code, status }) => status === 'ok' || !code.endsWith('_signer'));
  return {
    verdict: failed || firstFailure !== undefined ? 'refused' : isTrusted ? 'verified' : 'self_consistent',
    checks,
    ...(firstFailure !== undefined && { firstFailure }),
    ...found,
    durationMs: Math.round(performance.now() - startedAt),
  };
}

/** What has been read so far. */
interface Found {
  manifest?: Manifest;
  evidenceRoot?: string;
  archive?: ArchiveRecord;
  receipt?: ReceiptPredicate;
  bytes: number;
}

/** The list of checks. Each needs what those above it have shown; the first that fails ends it. */
async function checkBundle(
  list: CheckList,
  found: Found,
  dir: string,
  { trust, authorities }: Required<VerifyOptions>,
): Promise<void> {
  const names = await list.check('folder', () => checkFolder(dir));
  const files = await list.check('seal_files', () => checkSealFiles(dir, names));
  const key = await list.check('evidence_key', () => checkKey(files, SEAL_FILES.key));
  const payload = await list.check('evidence_signature', () => checkSignature(files, SEAL_FILES.envelope, key));
  await checkSigner(list, 'evidence_signer', key, trust.evidence);
  const manifest = await list.check('manifest', () => checkManifest(files));
  const root = await list.check('statement', () => checkStatement(files, manifest, payload));
  Object.assign(found, { manifest, evidenceRoot: root });
  await list.check('file_list', () => checkFileList(manifest, names));
  const onRead = (bytes: number): void => void (found.bytes = bytes);
  const reading = await list.check('file_digests', () => checkFiles(dir, manifest, onRead));
  await list.check('merkle_root', () => checkMerkleRoot(manifest));
  await list.check('verdict', () => checkVerdict(manifest, reading));
  const archive = await checkArchiveRecord(list, files, manifest, root);
  if (archive !== undefined) found.archive = archive;
  await list.check('receipt_files', () => checkReceiptFiles(files));
  const receiptKey = await list.check('receipt_key', () => checkReceiptKey(files, key));
  const receiptPayload = await list.check('receipt_signature', () =>
    checkSignature(files, RECEIPT_FILES.envelope, receiptKey),
  );
  await checkSigner(list, 'receipt_signer', receiptKey, trust.receipt);
  const receipt = await list.check('receipt_statement', () => checkReceiptStatement(files, receiptPayload));
  found.receipt = receipt;
  await list.check('receipt_binding', () => checkBinding(files, receipt, manifest, root));
  await list.check('absence', () => checkAbsence(receipt, manifest));
  await list.check('receipt_ids', () => checkReceiptIds(receipt, manifest));
  await checkTimestamp(list, files, { manifest, receipt, authorities });
  const late = await checkLateArchive(list, files, { manifest, root, key });
  if (late !== undefined) found.archive = late;
}

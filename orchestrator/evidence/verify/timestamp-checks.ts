import type { Manifest } from '../format/manifest.ts';
import { SEAL_FILES, TIMESTAMP_FILE } from '../format/names.ts';
import type { ReceiptPredicate } from '../format/receipt.ts';
import { type Certificate, subjectOf } from '../timestamp/certificate.ts';
import { requirePath } from '../timestamp/certificate-path.ts';
import { checkToken, requirePlausible } from '../timestamp/check-token.ts';
import { readToken, type Token } from '../timestamp/token.ts';
import type { CheckList, Shown } from './check-list.ts';
import { type ControlFiles, fileOf } from './control-files.ts';

/**
 * The timestamp of the seal, where there is one: an authority's word that this envelope existed at that moment. That the token is the one there was, byte
 * for byte, the receipt has said already. What it is worth depends on the authority: without its CA's certificate, that is said to be unchecked.
 */
export async function checkTimestamp(
  list: CheckList,
  files: ControlFiles,
  {
    manifest,
    receipt,
    authorities,
  }: { manifest: Manifest; receipt: ReceiptPredicate; authorities: readonly Certificate[] },
): Promise<void> {
  if (!files.has(TIMESTAMP_FILE)) {
    checkAbsent(list, receipt);
    return;
  }
  const { token, certificate } = await list.check('timestamp', () => checkStamp(files, manifest, receipt));
  if (authorities.length === 0) {
    list.pass(
      'timestamp_authority',
      `not checked against a CA: none was given, and anybody can call themselves ${subjectOf(certificate)}`,
    );
    return;
  }
  await list.check('timestamp_authority', () => checkAuthority(token, certificate, authorities));
}

/** Timestamps are an option: a run for which none was asked lacks nothing. One that was asked for and did not come is missing, and says so. */
function checkAbsent(list: CheckList, { timestamp, seal }: ReceiptPredicate): void {
  if (timestamp === undefined) {
    list.nothing(
      'timestamp',
      seal === undefined ? 'no timestamp was asked for' : 'no timestamp: none is asked for over a seal that came late',
    );
    list.nothing('timestamp_authority', 'so there is no authority of one');
    return;
  }
  list.pass('timestamp', `none, and the receipt says why: ${timestamp.why ?? ''}`);
  list.pass('timestamp_authority', 'there is no timestamp');
}

function checkStamp(
  files: ControlFiles,
  manifest: Manifest,
  receipt: ReceiptPredicate,
): Shown<{ token: Token; certificate: Certificate }> {
  const token = readToken(fileOf(files, TIMESTAMP_FILE));
  const certificate = checkToken(token, fileOf(files, SEAL_FILES.envelope));
  const { timeMs, policy, serial } = token.info;
  requirePlausible(timeMs, { fromMs: Date.parse(manifest.sealed_at), toMs: Date.parse(receipt.signed_at) });
  return [{ token, certificate }, `${new Date(timeMs).toISOString()}, policy ${policy}, number ${serial}`];
}

function checkAuthority(
  { info, certificates }: Token,
  certificate: Certificate,
  authorities: readonly Certificate[],
): Shown<undefined> {
  const path = requirePath(certificate, { others: certificates, trusted: authorities, atMs: info.timeMs });
  return [undefined, `${path.map(subjectOf).join(', by ')}; nobody was asked whether one was revoked`];
}

import { randomBytes } from 'node:crypto';
import { fetchFailure, readBody } from '../../fetch.ts';
import { subjectOf, type Certificate } from '../timestamp/certificate.ts';
import { requirePath } from '../timestamp/certificate-path.ts';
import { checkToken, requirePlausible } from '../timestamp/check-token.ts';
import { DerError } from '../timestamp/der.ts';
import { readToken } from '../timestamp/token.ts';
import { TimestampError } from './errors.ts';
import { readAnswer, writeRequest } from './request.ts';

/** Who is asked, and whose certificates count. */
export interface TimestampAuthority {
  /** `http://` or `https://`: what is asked is a digest, and the answer is signed. */
  readonly url: string;
  /** Object identifier of the policy that is asked for; the authority's own without it. */
  readonly policy?: string | undefined;
  /** Certificates of authorities, or of the TSA itself. */
  readonly trusted: readonly Certificate[];
}

/** What a timestamp says. */
export interface Stamped {
  readonly at: string;
  /** The TSA's name. */
  readonly authority: string;
  readonly policy: string;
  readonly serial: string;
}

/** A token is a few kilobytes, with the certificates it brings. */
const ANSWER_MAX_BYTES = 64 * 1024;
/** A sandbox waits for this, so it is short: a TSA answers within a second, or another one should be asked. */
const ANSWER_WITHIN_MS = 10_000;
/** More than anybody can guess, few enough for those that keep it in 64 bits. */
const NONCE_BYTES = 8;

/**
 * Asks for a timestamp over these bytes and checks all of it before it is returned: status, imprint, nonce, policy, signature, the certificate's
 * purpose and path, the time. Never waits longer than ten seconds, never reads more than it must, follows no redirect. Rejects with TimestampError.
 */
export async function askAuthority(
  authority: TimestampAuthority,
  stamped: Uint8Array,
  { withinMs = ANSWER_WITHIN_MS }: { withinMs?: number | undefined } = {},
): Promise<{ readonly token: Buffer; readonly stamped: Stamped }> {
  // A first bit that is zero, so that no authority takes it for negative; a second that is not, so that it has one length.
  const nonce = (randomBytes(NONCE_BYTES).readBigUInt64BE() >> 1n) | (1n << 62n);
  const { policy } = authority;
  const fromMs = Date.now();
  const answer = await post(authority.url, writeRequest(stamped, { nonce, policy }), AbortSignal.timeout(withinMs));
  try {
    const read = readAnswer(answer);
    if ('refused' in read) throw refusal(authority.url, read.refused);
    return { token: read.token, stamped: judge(authority, read.token, { stamped, nonce, fromMs }) };
  } catch (cause) {
    if (cause instanceof TimestampError) throw cause;
    const got = cause instanceof Error ? cause.message : String(cause);
    throw new TimestampError(
      'timestamp_invalid',
      {
        expected: `a timestamp from ${authority.url} that holds`,
        got,
        hint: 'ask the TSA, check timestamp.ca_file, or use another one',
      },
      { cause },
    );
  }
}

/** As any verifier checks it, and what only the one who asked can know: nonce, policy, and when. */
function judge(
  { policy, trusted }: TimestampAuthority,
  bytes: Buffer,
  asked: { stamped: Uint8Array; nonce: bigint; fromMs: number },
): Stamped {
  const token = readToken(bytes);
  const { info, certificates } = token;
  const certificate = checkToken(token, asked.stamped);
  if (info.nonce !== asked.nonce) throw new DerError(`nonce ${asked.nonce}`, String(info.nonce));
  if (policy !== undefined && info.policy !== policy) throw new DerError(`policy ${policy}`, info.policy);
  requirePlausible(info.timeMs, { fromMs: asked.fromMs, toMs: Date.now() });
  requirePath(certificate, { others: certificates, trusted, atMs: info.timeMs });
  return {
    at: new Date(info.timeMs).toISOString(),
    authority: subjectOf(certificate),
    policy: info.policy,
    serial: String(info.serial),
  };
}

async function post(url: string, body: Buffer, signal: AbortSignal): Promise<Buffer> {
  const headers = { 'content-type': 'application/timestamp-query', accept: 'application/timestamp-reply' };
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers,
      body: new Uint8Array(body),
      redirect: 'error',
      signal,
    });
    if (!response.ok) throw refusal(url, `HTTP status ${response.status}`);
    return await readBody(response, ANSWER_MAX_BYTES);
  } catch (cause) {
    if (cause instanceof TimestampError) throw cause;
    throw new TimestampError(
      'tsa_unreachable',
      {
        expected: `a timestamp from ${url}`,
        got: fetchFailure(cause),
        hint: 'see that the TSA can be reached from here; the evidence stands without it',
      },
      { cause },
    );
  }
}

function refusal(url: string, got: string): TimestampError {
  return new TimestampError('tsa_refused', {
    expected: `a timestamp from ${url}`,
    got,
    hint: 'check timestamp.url and timestamp.policy in config.json',
  });
}

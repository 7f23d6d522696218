import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { askAuthority, type TimestampAuthority } from '../../orchestrator/evidence/stamp/ask-authority.ts';
import { readAnswer, writeRequest } from '../../orchestrator/evidence/stamp/request.ts';
import { writeElement, writeInteger, writeOid } from '../../orchestrator/evidence/stamp/write-der.ts';
import { parseCertificates } from '../../orchestrator/evidence/timestamp/certificate.ts';
import { checkToken, SHA256_OID } from '../../orchestrator/evidence/timestamp/check-token.ts';
import { DerReader, integerOf, readElement, TAG } from '../../orchestrator/evidence/timestamp/der.ts';
import { readToken } from '../../orchestrator/evidence/timestamp/token.ts';
import {
  makeAuthority,
  type Reply,
  type Signer,
  type TestAuthority,
  TEST_POLICY,
  type Wanted,
} from '../support/tsa/authority.ts';
import { OPENSSL, sayNotRun } from '../support/tsa/openssl.ts';
import { startTsa, type TsaAnswer } from '../support/tsa/server.ts';

/* A real timestamp authority, openssl's, behind HTTP; then those that lie, each in one way. What we accept, openssl must accept too. */

const STAMPED = Buffer.from('{"payload":"e30=","payloadType":"x"}');

sayNotRun('timestamps by a real authority (RFC 3161)');

describe.skipIf(OPENSSL === undefined)('a timestamp', { timeout: 60_000 }, () => {
  let authority: TestAuthority;
  let tsa: Signer;
  beforeAll(async () => {
    authority = await makeAuthority();
    tsa = await authority.issue('tsa');
  }, 60_000);
  afterAll(() => authority[Symbol.asyncDispose]());

  const trusting = (url: string, changes: Partial<TimestampAuthority> = {}): TimestampAuthority => ({
    url,
    trusted: parseCertificates(authority.pem) ?? [],
    ...changes,
  });

  /** What comes of asking a server that answers so. */
  async function ask(
    answer: (query: Buffer) => TsaAnswer | Promise<TsaAnswer>,
    changes: Partial<TimestampAuthority> = {},
    withinMs?: number,
  ) {
    await using server = await startTsa(answer);
    return await askAuthority(trusting(server.url, changes), STAMPED, { withinMs });
  }

  const honest = (signer: Signer, how?: Reply) => async (query: Buffer) => ({
    body: await authority.reply(query, signer, how),
  });
  const granted = (token: Buffer): TsaAnswer => ({
    body: writeElement(TAG.sequence, writeElement(TAG.sequence, writeInteger(0n)), token),
  });

  describe('of a real authority', () => {
    test.each([
      ['ec', 'sha256'],
      ['ec', 'sha384'],
      ['ec', 'sha512'],
      ['rsa', 'sha256'],
      ['rsa', 'sha384'],
      ['rsa', 'sha512'],
    ] as const)('by %s and %s holds, and openssl says so too', async (key, digest) => {
      const signer = await authority.issue(`${key}-${digest}`, { key });
      const before = Date.now();
      const { token, stamped } = await ask(honest(signer, { digest }));
      await authority.verify(token, STAMPED);
      expect(stamped).toMatchObject({ authority: `CN=Test ${key}-${digest}`, policy: TEST_POLICY });
      expect(Math.abs(Date.parse(stamped.at) - before)).toBeLessThan(60_000);
      expect(readToken(token).signer.digestAlgorithm).toBe(
        { sha256: SHA256_OID, sha384: '2.16.840.1.101.3.4.2.2', sha512: '2.16.840.1.101.3.4.2.3' }[digest],
      );
    });

    test('below another authority holds; with its CA’s certificate cut to a path of none, it does not', async () => {
      const between = await authority.issue('between', { extensions: 'intermediate' });
      const signer = await authority.issue('below', { by: between });
      await authority.verify((await ask(honest(signer))).token, STAMPED);
      const deeper = await authority.issue('deeper', { extensions: 'intermediate', by: between });
      const lowest = await authority.issue('lowest', { by: deeper });
      const got = expect.stringMatching(/certificates from CN=Test lowest/) as string;
      await expect(ask(honest(lowest))).rejects.toMatchObject({ code: 'timestamp_invalid', got });
    });

    test('by an older one, that names its certificate by SHA-1, and itself, holds', async () => {
      const { token } = await ask(honest(tsa, { isOlder: true }));
      await authority.verify(token, STAMPED);
      expect([...readToken(token).signer.attributes.keys()]).toContain('1.2.840.113549.1.9.16.2.12');
    });

    test('is asked for with the policy that is configured, and one by another policy is none', async () => {
      const policy = '1.3.6.1.4.1.99999.8';
      expect((await ask(honest(tsa), { policy })).stamped.policy).toBe(policy);
      await expect(ask(honest(tsa), { policy: '1.2.3.4' })).rejects.toMatchObject({ code: 'tsa_refused' });
    });

    test('may be trusted by its own certificate, without a CA', async () => {
      const { token } = await ask(honest(tsa));
      const own = checkToken(readToken(token), STAMPED);
      expect((await ask(honest(tsa), { trusted: [own] })).stamped.authority).toBe('CN=Test tsa');
    });

    test('has a nonce of its own each time', async () => {
      await using server = await startTsa(honest(tsa));
      const nonces = new Set<bigint | undefined>();
      for (let time = 0; time < 3; time += 1)
        nonces.add(readToken((await askAuthority(trusting(server.url), STAMPED)).token).info.nonce);
      expect(nonces.size).toBe(3);
    });
  });

  describe('is none', () => {
    test.each<[string, (query: Buffer) => TsaAnswer | Promise<TsaAnswer>, string, RegExp]>([
      [
        'over something else',
        async () => honest(tsa)(writeRequest(Buffer.from('other'), { nonce: 1n })),
        'timestamp_invalid',
        /a timestamp over/,
      ],
      [
        'that was given before: another nonce',
        async () => honest(tsa)(writeRequest(STAMPED, { nonce: 5n })),
        'timestamp_invalid',
        /nonce/,
      ],
      [
        'with status rejected',
        async (query) => honest(tsa)(Buffer.concat([query.subarray(0, 20), Buffer.of(0)])),
        'tsa_refused',
        /status 2/,
      ],
      ['that is garbage', () => ({ body: Buffer.from('<html>') }), 'timestamp_invalid', /tag 0x30/],
      ['that is empty', () => ({ body: Buffer.alloc(0) }), 'timestamp_invalid', /the end/],
      [
        'with something behind it',
        async (query) => ({ body: Buffer.concat([(await honest(tsa)(query)).body, Buffer.of(0)]) }),
        'timestamp_invalid',
        /no more/,
      ],
      [
        'of an endless answer',
        () => ({ body: Buffer.alloc(1024 * 1024, 0x30) }),
        'tsa_unreachable',
        /more than 65536 bytes/,
      ],
      ['from a server that fails', () => ({ status: 500, body: Buffer.alloc(0) }), 'tsa_refused', /HTTP status 500/],
      [
        'that is said to be elsewhere',
        () => ({ status: 302, body: Buffer.alloc(0), headers: { location: 'http://127.0.0.1:9/' } }),
        'tsa_unreachable',
        /redirect/,
      ],
    ])('%s', async (_, answer, code, got) => {
      await expect(ask(answer)).rejects.toMatchObject({ code, got: expect.stringMatching(got) as string });
    });

    test('that never comes, and it is not waited for any longer', async () => {
      const before = performance.now();
      await expect(ask(() => ({}), {}, 300)).rejects.toMatchObject({ code: 'tsa_unreachable' });
      expect(performance.now() - before).toBeLessThan(5_000);
    });

    test('from where nobody listens', async () => {
      await expect(askAuthority(trusting('http://127.0.0.1:9/'), STAMPED)).rejects.toMatchObject({
        code: 'tsa_unreachable',
      });
    });

    test('by another CA, though it holds otherwise: the control', async () => {
      await using stranger = await makeAuthority('Another CA');
      const other = await stranger.issue('tsa');
      const answer = async (query: Buffer) => ({ body: await stranger.reply(query, other) });
      await expect(ask(answer)).rejects.toMatchObject({
        code: 'timestamp_invalid',
        got: expect.stringMatching(/certificates from/) as string,
      });
      expect((await ask(answer, { trusted: parseCertificates(stranger.pem) ?? [] })).stamped.authority).toBe(
        'CN=Test tsa',
      );
    });

    test.each<[string, Wanted, RegExp]>([
      ['that is for nothing in particular', { extensions: 'no_purpose' }, /no purpose/],
      ['whose purpose may be overlooked', { extensions: 'not_critical' }, /not critical/],
      ['that is for something else as well', { extensions: 'two_purposes' }, /nothing else/],
      ['that had expired', { days: -1 }, /was valid at/],
    ])('by a certificate %s', async (what, wanted, got) => {
      const signer = await authority.issue(what.replaceAll(' ', '-'), wanted);
      await expect(ask(forgedBy(signer))).rejects.toMatchObject({
        code: 'timestamp_invalid',
        got: expect.stringMatching(got) as string,
      });
    });

    test('by a certificate that was signed over SHA-1, which two certificates can share', async () => {
      const signer = await authority.issue('sha1', { digest: 'sha1' });
      const got = expect.stringMatching(/certificates from CN=Test sha1/) as string;
      await expect(ask(forgedBy(signer))).rejects.toMatchObject({ code: 'timestamp_invalid', got });
    });

    test('by a certificate that a TSA’s own certificate was made to sign', async () => {
      const notCa = await authority.issue('not-a-ca', { extensions: 'not_a_ca' });
      const signer = await authority.issue('below-none', { by: notCa });
      const got = expect.stringMatching(/certificates from CN=Test below-none/) as string;
      await expect(ask(forgedBy(signer))).rejects.toMatchObject({ code: 'timestamp_invalid', got });
    });

    test.each<[string, Partial<Info>, RegExp]>([
      ['of last year', { timeMs: Date.now() - 365 * 86_400_000 }, /was valid at|a time between/],
      ['of an hour ago', { timeMs: Date.now() - 3_600_000 }, /was valid at|a time between/],
      ['of tomorrow', { timeMs: Date.now() + 86_400_000 }, /a time between/],
      ['without a nonce', { nonce: undefined }, /nonce/],
      ['of version 2', { version: 2n }, /version 1/],
    ])('%s', async (_, changes, got) => {
      await expect(ask(forgedBy(tsa, changes))).rejects.toMatchObject({
        code: 'timestamp_invalid',
        got: expect.stringMatching(got) as string,
      });
    });

    test('that does not name its certificate in what is signed', async () => {
      const got = expect.stringMatching(/a signed name of the signer’s certificate/) as string;
      await expect(ask(forgedBy(tsa, { isUnnamed: true }))).rejects.toMatchObject({ code: 'timestamp_invalid', got });
    });

    test('forged with nothing wrong in it holds: the control of all that are forged', async () => {
      expect((await ask(forgedBy(tsa))).stamped.authority).toBe('CN=Test tsa');
    });
  });

  test('of which any byte is another is none, but for certificates that come along and are not the signer’s', async () => {
    const { token } = await ask(honest(tsa));
    const survivors: number[] = [];
    for (let at = 0; at < token.length; at += 1) {
      const changed = Buffer.from(token);
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      try {
        checkToken(readToken(changed), STAMPED);
        survivors.push(at);
      } catch {
        // As it should be.
      }
    }
    // Nobody signs for those: whoever keeps a token keeps its digest, as the receipt does.
    const others = readToken(token).certificates.filter(({ x509 }) => x509.subject !== 'CN=Test tsa');
    const ranges = others.map(({ der }) => [token.indexOf(der), token.indexOf(der) + der.length] as const);
    const unexplained = survivors.filter((at) => !ranges.some(([from, to]) => from <= at && at < to));
    expect(others.length).toBe(1);
    expect(unexplained).toEqual([]);
  });

  interface Info {
    readonly version: bigint;
    readonly timeMs: number;
    readonly nonce: bigint | undefined;
    /** Nothing in what is signed says by whose certificate. */
    readonly isUnnamed: boolean;
  }

  /** A server that signs what an honest one would not. */
  function forgedBy(signer: Signer, changes: Partial<Info> = {}) {
    return async (query: Buffer) => {
      const fields = new DerReader(readElement(query, TAG.sequence, 'a query').content, 'a query');
      fields.next(TAG.integer);
      const imprint = fields.next(TAG.sequence).whole;
      const nonce = integerOf(fields.next(TAG.integer));
      const { version, timeMs, nonce: said } = { version: 1n, timeMs: Date.now(), nonce, ...changes };
      const time = `${new Date(timeMs).toISOString().replaceAll(/[-:T]/g, '').slice(0, 14)}Z`;
      const info = writeElement(
        TAG.sequence,
        ...[writeInteger(version), writeOid(TEST_POLICY), imprint, writeInteger(9n)],
        writeElement(TAG.generalizedTime, Buffer.from(time)),
        ...(said === undefined ? [] : [writeInteger(said)]),
      );
      return granted(await authority.forge(info, signer, changes));
    };
  }
});

test('a request has the bytes that RFC 3161 gives it', () => {
  const request = writeRequest(STAMPED, { nonce: 0x80n, policy: '1.3.6.1.4.1.99999.8' });
  const digest = createHash('sha256').update(STAMPED).digest('hex');
  expect(request.toString('hex')).toBe(
    `30480201013031300d060960864801650304020105000420${digest}06092b06010401868d1f0802020080` + '0101ff',
  );
});

test('an answer says why it is none', () => {
  const status = writeElement(TAG.sequence, writeInteger(2n), writeElement(TAG.bitString, Buffer.of(0, 0x20)));
  expect(readAnswer(writeElement(TAG.sequence, status))).toEqual({ refused: 'status 2, request not permitted' });
});

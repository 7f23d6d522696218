import fc from 'fast-check';
import { expect, test } from 'vitest';
import { memorySigner, mintRequest, TASK_ID, testGrant } from '../../test/support/login.ts';
import { readCertificateLine, type CertificateBody } from './certificate.ts';
import { CaError, type CaErrorCode } from './errors.ts';
import { mint } from './mint.ts';
import { orderAudit, orderRevoke, orderTask, type MintRequest, type Order } from './order.ts';
import { checkRules, RULES } from './rules.ts';
import { parsePublicKeyLine } from './public-key.ts';
import { createRunKey } from './run-key.ts';

const NOW = new Date('2026-11-23T08:00:00.500Z');
const SECONDS = 1_795_420_800;
const signer = memorySigner();
const caKey = parsePublicKeyLine(signer.publicKeyLine);

const mintWith = (changes: Partial<MintRequest>) => mintOrder(orderTask(mintRequest({ now: NOW, ...changes }), caKey));
const mintOrder = (order: Order) => mint(order, signer);
const codeOf = async (attempt: () => Promise<unknown>): Promise<unknown> => {
  try {
    await attempt();
    return 'ok';
  } catch (error) {
    return error instanceof CaError ? error.code : error;
  }
};

const REQUESTS: readonly { name: string; changes: Partial<MintRequest>; code: CaErrorCode | 'ok' }[] = [
  { name: 'ok-default', changes: {}, code: 'ok' },
  { name: 'ok-instance-id', changes: instance('i-0123456789abcdef0'), code: 'ok' },
  { name: 'ok-shortest', changes: { ttlSeconds: 10 }, code: 'ok' },
  { name: 'ok-longest', changes: { ttlSeconds: 3600 }, code: 'ok' },
  { name: 'ok-ipv6-source', changes: { sourceAddress: '2001:db8::7' }, code: 'ok' },
  { name: 'ok-grant-ends-earlier', changes: { grant: testGrant(SECONDS + 1) }, code: 'ok' },
  { name: 'fail-too-short', changes: { ttlSeconds: 9 }, code: 'validity' },
  { name: 'fail-too-long', changes: { ttlSeconds: 3601 }, code: 'validity' },
  { name: 'fail-negative', changes: { ttlSeconds: -1, grant: testGrant(SECONDS + 1) }, code: 'validity' },
  { name: 'fail-no-source', changes: { sourceAddress: '' }, code: 'source_address' },
  { name: 'fail-source-range', changes: { sourceAddress: '10.0.2.0/24' }, code: 'source_address' },
  { name: 'fail-any-source', changes: { sourceAddress: '0.0.0.0/0' }, code: 'source_address' },
  { name: 'fail-two-sources', changes: { sourceAddress: '10.0.2.2,10.0.2.3' }, code: 'source_address' },
  { name: 'fail-source-pattern', changes: { sourceAddress: '10.0.2.*' }, code: 'source_address' },
  { name: 'fail-source-zone', changes: { sourceAddress: 'fe80::1%eth0' }, code: 'source_address' },
  { name: 'fail-empty-machine', changes: { machineId: '' }, code: 'machine_id_invalid' },
  { name: 'fail-two-machines', changes: { machineId: 'i-01234567,sandbox-i-89abcdef' }, code: 'machine_id_invalid' },
  { name: 'fail-machine-wildcard', changes: { machineId: '*' }, code: 'machine_id_invalid' },
  { name: 'fail-task-newline', changes: { taskId: 'a\nAccepted publickey for root' }, code: 'key_id' },
  { name: 'fail-task-colon', changes: { taskId: 'a:grant=0' }, code: 'key_id' },
  { name: 'fail-task-empty', changes: { taskId: '' }, code: 'key_id' },
  { name: 'fail-task-escape', changes: { taskId: '\u001b[2J' }, code: 'key_id' },
  { name: 'fail-run-id', changes: { runId: 'NOTARUN' }, code: 'key_id' },
  {
    name: 'fail-grant-of-another-run',
    changes: { grant: testGrant(SECONDS + 600, { run_id: 'ba9876543210' }) },
    code: 'grant',
  },
  {
    name: 'fail-grant-of-another-task',
    changes: { grant: testGrant(SECONDS + 600, { task_id: 'other' }) },
    code: 'grant',
  },
  {
    name: 'fail-grant-of-another-machine',
    changes: { grant: testGrant(SECONDS + 600, { machine_id: 'i-01234567' }) },
    code: 'grant',
  },
  { name: 'fail-grant-outlives-login', changes: { grant: testGrant(SECONDS + 601) }, code: 'grant' },
  { name: 'fail-grant-is-over', changes: { grant: testGrant(SECONDS) }, code: 'grant' },
  { name: 'fail-grant-of-nothing', changes: { grant: testGrant(SECONDS + 600, { actions: [] }) }, code: 'grant' },
  {
    name: 'fail-grant-unknown-field',
    changes: { grant: { ...testGrant(SECONDS + 600), sudo: true } as never },
    code: 'grant',
  },
  { name: 'fail-grant-fraction', changes: { grant: testGrant(SECONDS + 0.5) }, code: 'grant' },
  { name: 'fail-grant-too-large', changes: { grant: largeGrant() }, code: 'grant' },
  { name: 'fail-not-a-key', changes: { publicKey: 'ssh-ed25519 AAAA' }, code: 'public_key_invalid' },
  { name: 'fail-rsa-key', changes: { publicKey: 'ssh-rsa AAAAB3NzaC1yc2E=' }, code: 'public_key_invalid' },
  {
    name: 'fail-two-keys',
    changes: { publicKey: `${signer.publicKeyLine}\n${signer.publicKeyLine}` },
    code: 'public_key_invalid',
  },
  { name: 'fail-the-ca-key-itself', changes: { publicKey: signer.publicKeyLine }, code: 'subject_key' },
];

test.each(REQUESTS)('a request to mint: $name', async ({ changes, code }) => {
  expect(await codeOf(() => mintWith(changes))).toBe(code);
});

const FORCE = { name: 'force-command', value: '/usr/local/bin/agent-exec' };
const SOURCE = { name: 'source-address', value: '127.0.0.1' };

const BODIES: readonly { name: string; changes: Partial<CertificateBody>; code: CaErrorCode | 'ok' }[] = [
  { name: 'ok-as-minted', changes: {}, code: 'ok' },
  { name: 'fail-host-certificate', changes: { type: 'host' }, code: 'certificate_type' },
  { name: 'fail-other-key', changes: { subjectKey: Buffer.alloc(32, 1) }, code: 'subject_key' },
  { name: 'fail-other-ca', changes: { caKey: Buffer.alloc(32, 1) }, code: 'ca_key' },
  { name: 'fail-serial-zero', changes: { serial: 0n }, code: 'serial' },
  { name: 'fail-no-nonce', changes: { nonce: Buffer.alloc(0) }, code: 'nonce' },
  { name: 'fail-other-key-id', changes: { keyId: 'run=0123456789ab:task=other:grant=0' }, code: 'key_id' },
  { name: 'fail-empty-key-id', changes: { keyId: '' }, code: 'key_id' },
  { name: 'fail-no-principal', changes: { principals: [] }, code: 'principal' },
  { name: 'fail-empty-principal', changes: { principals: [''] }, code: 'principal' },
  { name: 'fail-root', changes: { principals: ['root'] }, code: 'principal' },
  {
    name: 'fail-two-principals',
    changes: { principals: ['sandbox-6f9619ff-8b86-4011-b42d-00cf4fc964ff', 'root'] },
    code: 'principal',
  },
  {
    name: 'fail-audit-principal',
    changes: { principals: ['audit-6f9619ff-8b86-4011-b42d-00cf4fc964ff'] },
    code: 'principal',
  },
  { name: 'fail-valid-earlier', changes: { validAfter: 0 }, code: 'validity' },
  { name: 'fail-valid-longer', changes: { validBefore: SECONDS + 3600 }, code: 'validity' },
  { name: 'fail-valid-for-ever', changes: { validBefore: Number.MAX_SAFE_INTEGER }, code: 'validity' },
  { name: 'fail-no-options', changes: { criticalOptions: [] }, code: 'critical_options' },
  { name: 'fail-no-source', changes: { criticalOptions: [FORCE] }, code: 'critical_options' },
  {
    name: 'fail-third-option',
    changes: { criticalOptions: [FORCE, SOURCE, { name: 'verify-required', value: undefined }] },
    code: 'critical_options',
  },
  { name: 'fail-shell', changes: { criticalOptions: [{ ...FORCE, value: '/bin/sh' }, SOURCE] }, code: 'force_command' },
  {
    name: 'fail-other-source',
    changes: { criticalOptions: [FORCE, { ...SOURCE, value: '10.0.2.2' }] },
    code: 'source_address',
  },
  { name: 'fail-no-grant', changes: { extensions: [] }, code: 'extensions' },
  { name: 'fail-forwarding-without-tunnels', changes: withForwarding(), code: 'extensions' },
  { name: 'fail-pty', changes: { extensions: [{ name: 'permit-pty', value: undefined }] }, code: 'extensions' },
  { name: 'fail-other-grant', changes: { extensions: [{ name: 'grant@burnbag.dev', value: '{}' }] }, code: 'grant' },
];

test.each(BODIES)('a certificate: $name', async ({ changes, code }) => {
  const order = orderTask(mintRequest({ now: NOW }), caKey);
  const minted = readCertificateLine((await mintOrder(order)).certificateLine);
  expect(
    await codeOf(() =>
      Promise.resolve().then(() => {
        checkRules({ ...minted, ...changes }, order);
      }),
    ),
  ).toBe(code);
});

test('every rule refuses some certificate of the table', async () => {
  const order = orderTask(mintRequest({ now: NOW }), caKey);
  const minted = readCertificateLine((await mintOrder(order)).certificateLine);
  const idle = RULES.filter((rule) =>
    BODIES.every(({ changes }) =>
      holds(() => {
        rule({ ...minted, ...changes }, order);
      }),
    ),
  );
  expect(idle.map(({ name }) => name)).toEqual([]);
});

test('an audit login carries no grant and no other extension', async () => {
  const order = orderAudit(mintRequest({ now: NOW }), caKey);
  const certificate = readCertificateLine((await mintOrder(order)).certificateLine);
  expect(certificate.principals).toEqual(['audit-6f9619ff-8b86-4011-b42d-00cf4fc964ff']);
  expect(certificate.criticalOptions[0]?.value).toBe('/usr/local/bin/audit-stream');
  expect(certificate.extensions).toEqual([]);
  expect(certificate.keyId).not.toContain(TASK_ID);
});

test('an audit login may live until its sandbox is collected, and no longer; one that revokes as long as any', async () => {
  const mintFor = (order: typeof orderAudit, ttlSeconds: number) =>
    codeOf(() => mintOrder(order(mintRequest({ now: NOW, ttlSeconds }), caKey)));
  expect([await mintFor(orderAudit, 3900), await mintFor(orderAudit, 3901)]).toEqual(['ok', 'validity']);
  expect([await mintFor(orderRevoke, 3600), await mintFor(orderRevoke, 3601)]).toEqual(['ok', 'validity']);
});

test('a login that revokes carries nothing, and forces the executor', async () => {
  const order = orderRevoke(mintRequest({ now: NOW }), caKey);
  const certificate = readCertificateLine((await mintOrder(order)).certificateLine);
  expect(certificate.principals).toEqual(['revoke-6f9619ff-8b86-4011-b42d-00cf4fc964ff']);
  expect(certificate.criticalOptions[0]?.value).toBe('/usr/local/bin/agent-exec');
  expect(certificate.extensions).toEqual([]);
});

test('leave to forward is in a certificate whose grant names tunnels, and needs it', async () => {
  const grant = testGrant(SECONDS + 600, { tunnels: ['127.0.0.1:5432'] });
  const order = orderTask(mintRequest({ now: NOW, grant }), caKey);
  const certificate = readCertificateLine((await mintOrder(order)).certificateLine);
  expect(certificate.extensions.map(({ name }) => name)).toEqual(['grant@burnbag.dev', 'permit-port-forwarding']);
  const without = { ...certificate, extensions: certificate.extensions.slice(0, 1) };
  expect(
    holds(() => {
      checkRules(without, order);
    }),
  ).toBe(false);
  const badly = [['10.0.2.2:80'], ['127.0.0.1:22'], ['127.0.0.1:0'], ['127.0.0.1:1', '127.0.0.1:1'], []];
  for (const tunnels of badly)
    expect(await codeOf(() => mintWith({ grant: testGrant(SECONDS + 600, { tunnels }) }))).toBe('grant');
});

test.each([
  { name: 'another key', sign: () => memorySigner().sign(Buffer.from('x'), AbortSignal.abort()), code: 'signature' },
  { name: 'half a signature', sign: () => Promise.resolve(Buffer.alloc(32)), code: 'certificate_malformed' },
  { name: 'an error', sign: () => Promise.reject(new Error('no access')), code: 'signer_failed' },
  { name: 'nothing, ever', sign: () => new Promise<Buffer>(() => undefined), code: 'signer_timeout' },
])('nothing is issued when the signer answers with $name', async ({ sign, code }) => {
  const order = orderTask(mintRequest({ now: NOW }), caKey);
  expect(await codeOf(() => mint(order, { publicKeyLine: signer.publicKeyLine, sign }, 50))).toBe(code);
});

test('two keys never get the same serial or nonce', async () => {
  const both = await Promise.all([mintWith({}), mintWith({ publicKey: createRunKey().publicKeyLine })]);
  const [one, other] = both.map(({ certificateLine }) => readCertificateLine(certificateLine));
  expect(one?.serial).not.toBe(other?.serial);
  expect(one?.nonce).not.toEqual(other?.nonce);
});

function instance(machineId: string): Partial<MintRequest> {
  return { machineId, grant: testGrant(SECONDS + 600, { machine_id: machineId }) };
}

function largeGrant() {
  const sha256 = Array.from({ length: 64 }, (_, index) => index.toString(16).padStart(64, '0'));
  const paths = Array.from({ length: 64 }, (_, index) => `/${'x'.repeat(250)}/${'y'.repeat(250)}/${index}`);
  return testGrant(SECONDS + 600, {
    actions: [
      { action: 'run_script', limits: { sha256, max_seconds: 1 } },
      { action: 'list_files', limits: { paths } },
    ],
  });
}

function holds(check: () => void): boolean {
  try {
    check();
    return true;
  } catch {
    return false;
  }
}

test('whatever the caller names, a certificate that is issued holds to the rules', async () => {
  const name = fc.oneof(fc.stringMatching(/^[A-Za-z0-9._-]{1,64}$/), fc.string({ unit: 'binary', maxLength: 70 }));
  await fc.assert(
    fc.asyncProperty(
      name,
      fc.integer({ min: -10, max: 4_000 }),
      fc.integer({ min: -10, max: 4_000 }),
      async (taskId, ttlSeconds, end) => {
        const grant = testGrant(SECONDS + end, { task_id: taskId });
        const issued = await mintWith({ taskId, ttlSeconds, grant }).catch((error: unknown) => error);
        if (issued instanceof CaError) return;
        const { certificateLine } = issued as Awaited<ReturnType<typeof mintWith>>;
        const certificate = readCertificateLine(certificateLine);
        expect(certificate.keyId).toMatch(/^run=[0-9a-f]{12}:task=[A-Za-z0-9._-]{1,64}:grant=[0-9a-f]{64}$/);
        expect(certificate.validBefore - SECONDS).toBe(ttlSeconds);
        expect(ttlSeconds >= 10 && ttlSeconds <= 3600 && end > 0 && end <= ttlSeconds).toBe(true);
      },
    ),
    { numRuns: 300 },
  );
});

function withForwarding(): Partial<CertificateBody> {
  const grant = { name: 'grant@burnbag.dev', value: '{}' };
  return { extensions: [grant, { name: 'permit-port-forwarding', value: undefined }] };
}

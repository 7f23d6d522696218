import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AuditRecord } from '../../executor/protocol/index.ts';
import { readCertificateLine } from '../../orchestrator/ca/certificate.ts';
import { createRunKey } from '../../orchestrator/ca/index.ts';
import { connect } from '../../orchestrator/relay/connect.ts';
import { forgeCertificate, forgeLogin, MACHINE_ID, TASK_ID } from '../support/login.ts';
import { parseLogin } from '../../orchestrator/relay/login.ts';
import { HOST, openSsh } from '../support/ssh/openssh.ts';
import { HONEST_EXECUTOR, startSshd } from '../support/sshd.ts';
import {
  copyLog,
  forged,
  HEALTH,
  loginOf,
  minted,
  mintedAudit,
  open,
  PATIENT,
  regrant,
  revokeFor,
} from '../support/ssh/relay-side.ts';
import { mintFor, startTarget, type Target } from '../support/ssh/target.ts';

/** What a certificate that is good opens, and for how long: one connection, one session, until it expires or somebody takes it back. */
let target: Target;
/** Logins under emulation, on a busy machine. */
const SLOW = { timeout: 240_000 };

beforeAll(async () => {
  target = await startTarget();
});
afterAll(async () => {
  await target[Symbol.asyncDispose]();
});

const now = (): number => Math.floor(Date.now() / 1000);

describe('one certificate, one connection', SLOW, () => {
  test('the second login is refused by sshd while the first lives and when it is gone', async () => {
    const credentials = await minted(target);
    const session = await open(target, credentials);
    expect(await session.request(HEALTH, { timeoutMs: 90_000 })).toMatchObject({ status: 'ok' });
    await expect(open(target, credentials)).rejects.toMatchObject({
      code: 'refused',
      got: expect.stringContaining('revoked') as string,
    });
    await session.close();
    await expect(open(target, credentials)).rejects.toMatchObject({
      code: 'refused',
      got: expect.stringContaining('revoked') as string,
    });
  });

  test('of two that come at the same moment, one is served', async () => {
    const credentials = await minted(target);
    const ask = async () => {
      const session = await open(target, credentials);
      try {
        return await session.request(HEALTH, { timeoutMs: 90_000 });
      } finally {
        await session.close();
      }
    };
    const both = await Promise.allSettled([ask(), ask()]);
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
  });

  test('one that was never used is revoked in the sandbox by a login that can do nothing else', async () => {
    const unused = await minted(target);
    const { serial: number } = readCertificateLine(unused.certificate);
    const login = await revokeFor(target, [String(number)]);
    await expect(open(target, unused)).rejects.toMatchObject({
      code: 'refused',
      got: expect.stringContaining('revoked') as string,
    });
    await expect(open(target, login)).rejects.toMatchObject({ code: 'refused' });
    expect(await target.executorLog()).toContain(`"event":"certificates_revoked"`);
  });

  test('one that copies logs is let in once; control: again, where the sandbox has forgotten it', async () => {
    const credentials = await mintedAudit(target);
    expect(await copyLog(target, credentials)).toBeGreaterThan(0);
    await expect(copyLog(target, credentials)).rejects.toMatchObject({ code: 'refused' });
    expect(await target.guest.root.run('rm /run/used/*')).toMatchObject({ code: 0 });
    expect(await copyLog(target, credentials)).toBeGreaterThan(0);
  });
});

describe('expiry and cancellation', SLOW, () => {
  const SCRIPT = '#!/bin/sh\nexec sleep 4242\n';
  const sha256 = createHash('sha256').update(SCRIPT).digest('hex');
  const actions = [
    { action: 'put_file' as const, limits: { paths: ['/work/in/'], max_bytes: 1000 } },
    { action: 'run_script' as const, limits: { sha256: [sha256], max_seconds: 300 } },
  ];
  const put = {
    id: 1,
    task_id: TASK_ID,
    action: 'put_file',
    args: { path: `/work/in/${sha256}`, content_base64: Buffer.from(SCRIPT).toString('base64'), sha256 },
  } as const;
  const run = {
    ...{ id: 2, task_id: TASK_ID, action: 'run_script' as const },
    args: { sha256, args: [] as string[], timeout_seconds: 200 },
  };
  const sleeps = async () => (await target.guest.root.run('busybox ps w | busybox grep -q "[s]leep 4242"')).code === 0;

  test("the executor alone ends a session and its action when the grant is over, though the relay's certificate is not", async () => {
    const { publicKeyLine, privateKey } = createRunKey();
    const body = readCertificateLine(await mintFor(target, publicKeyLine, { actions }));
    const certificate = await forgeCertificate(target.signer, publicKeyLine, {
      ...body,
      ...regrant(body, (grant) => ({ ...grant, expires_at: now() + 25 }), true),
    });
    const session = await open(target, { privateKey, certificate });
    await session.request(put, { timeoutMs: 90_000 });
    const asked = session.request(run, { timeoutMs: 100_000 }).catch((error: unknown) => error);
    await expect.poll(sleeps, { timeout: 20_000, interval: 500 }).toBe(true);
    await asked;
    expect(await session.ended).toMatchObject({ reason: 'expired', error: { code: 'certificate_expired' } });
    expect(now()).toBeLessThan(body.validBefore - 60);
    expect(await sleeps()).toBe(false);
    expect(await target.executorLog()).toContain('"reason":"expired"');
  });

  test('the relay alone ends a session and its action when it is told to', async () => {
    const cancel = new AbortController();
    const session = await open(target, await minted(target, { actions }), cancel.signal);
    const asked = session.request(run, { timeoutMs: 100_000 }).catch((error: unknown) => error);
    await expect.poll(sleeps, { timeout: 20_000, interval: 500 }).toBe(true);
    cancel.abort();
    expect(await asked).toMatchObject({ code: 'closed' });
    await expect.poll(sleeps, { timeout: 20_000, interval: 500 }).toBe(false);
  });
});

describe('one connection, one session', SLOW, () => {
  test('a second channel is refused, and forty more; the first still answers', async () => {
    const login = loginOf(target, await minted(target));
    const { link, channel } = await connect(login, PATIENT);
    link.allow(16 * 1024 * 1024);
    const second = () =>
      new Promise((resolve) => {
        link.client.exec('agent-exec', (error) => {
          resolve(error?.message);
        });
      });
    const errors = await Promise.all(Array.from({ length: 41 }, second));
    expect(errors.every((message) => String(message).includes('open failed'))).toBe(true);
    const answered = new Promise((resolve) => channel.once('data', resolve));
    channel.write(`${JSON.stringify(HEALTH)}\n`);
    expect(String(await answered)).toContain('"status":"ok"');
    await link.end();
  });

  test('algorithms with a history are not spoken, nor what an attack on key exchange needs', async () => {
    await using ssh = await openSsh(target);
    const certificate = await mintFor(target, ssh.publicKey);
    const offers = [
      ['-c', 'chacha20-poly1305@openssh.com'],
      ['-c', 'aes128-cbc,aes256-ctr'],
      ['-o', 'KexAlgorithms=diffie-hellman-group14-sha256,ecdh-sha2-nistp256'],
      ['-o', 'HostKeyAlgorithms=rsa-sha2-512,ecdsa-sha2-nistp256'],
    ];
    for (const offer of offers) {
      const { code, stderr } = await ssh.run(certificate, [...offer, HOST, 'x'], { timeoutMs: 40_000 });
      expect({ code, stderr }).toMatchObject({ code: 255, stderr: expect.stringMatching(/no matching/) as string });
    }
  });

  test('a connection that runs nothing ends by itself', async () => {
    await using ssh = await openSsh(target);
    const started = performance.now();
    await ssh.run(await mintFor(target, ssh.publicKey), ['-N', HOST], { timeoutMs: 110_000 });
    expect(performance.now() - started).toBeLessThan(100_000);
    expect(await target.sshdLog()).toMatch(/terminating inactive connection|timed out|timeout/i);
  });
});

describe('logs', SLOW, () => {
  const FORGED = 'Accepted publickey for root from 10.0.2.2 port 1 ssh2: FORGED';

  test('nothing a client names makes a record of its own', async () => {
    await using ssh = await openSsh(target);
    await ssh.run(await mintFor(target, ssh.publicKey), ['-l', `x\n${FORGED}`, HOST, 'x'], { timeoutMs: 40_000 });
    const named = await forged(target, () => ({ keyId: `run=x\n${FORGED}\r\u001b[2J` }));
    await expect((await open(target, named)).request(HEALTH, { timeoutMs: 90_000 })).rejects.toMatchObject({
      code: 'refused',
    });
    const lines = (await target.sshdLog()).split('\n').slice(0, -1);
    expect(lines.filter((line) => line.includes('FORGED')).length).toBeGreaterThan(0);
    for (const line of lines)
      expect(line).toMatch(/^[A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} sandbox (auth|daemon|syslog)\.[a-z]+ [a-z-]+[\[ ]/);
  });

  test('control: where sshd writes its log itself, a key id makes a line of its own', async () => {
    const principals = [`sandbox-${MACHINE_ID}`];
    const options = { caPublicKey: target.signer.publicKeyLine, principals, forceCommand: HONEST_EXECUTOR };
    await using sshd = await startSshd(options);
    const login = await forgeLogin(target.signer, { keyId: `run=x\n${FORGED}` });
    const [address, { hostKey, username }] = [{ host: HOST, port: sshd.port }, sshd];
    const { link } = await connect(parseLogin({ address, hostKey, username, ...login }), PATIENT);
    await expect
      .poll(() =>
        sshd
          .log()
          .split('\n')
          .some((line) => line.startsWith(FORGED)),
      )
      .toBe(true);
    await link.end();
  });

  test('nothing a request names does, either', async () => {
    const session = await open(target, await minted(target));
    const name = `x\n{"seq":1,"event":"session_open"}\u0000\u001b[2J\u2028`;
    for (const action of [
      { ...HEALTH, task_id: name },
      { ...HEALTH, action: name },
    ])
      await session.request(action as never, { timeoutMs: 90_000 }).catch(() => undefined);
    await session.close();
    const lines = (await target.executorLog()).split('\n').slice(0, -1);
    expect(lines.length).toBeGreaterThan(10);
    for (const line of lines) expect(() => AuditRecord.parse(JSON.parse(line))).not.toThrow();
    expect(lines.join('')).toMatch(/^[\x20-\x7e]*$/);
  });
});

import { readFile } from 'node:fs/promises';
import { connect as connectTo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ChildProcess } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { readCertificateLine } from '../../orchestrator/ca/certificate.ts';
import { connect } from '../../orchestrator/relay/connect.ts';
import { forgeCertificate } from '../support/login.ts';
import { exchange, until } from '../support/ssh/attacks.ts';
import { forwardOnly, type ForwardOnly, listeners, openThrough } from '../support/ssh/forwarding.ts';
import { forgetLogins, loosenSshd, restoreSshd } from '../support/ssh/layers.ts';
import { HOST, openSsh, type OpenSsh } from '../support/ssh/openssh.ts';
import { HEALTH, loginOf, minted, open, PATIENT, regrant, revokeFor } from '../support/ssh/relay-side.ts';
import { mintFor, startTarget, type Target } from '../support/ssh/target.ts';
import { askForTun } from '../support/ssh/tun.ts';

/*
 * A sandbox with tunnels, attacked with the certificate of a run whose profile lists one: what else can be reached with it, and for how long.
 * Programs of the guest listen where tunnels lead and beside them; each says what it is, or all it can.
 */
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });
const [LISTED, KEPT, BRIEF, OTHER] = [8080, 8081, 8082, 9090];
/** The second is a control's, whose connection stays open all the time; the third that of a certificate that is soon over. */
const [TUNNEL, KEPT_TUNNEL, BRIEF_TUNNEL] = [`127.0.0.1:${LISTED}`, `127.0.0.1:${KEPT}`, `127.0.0.1:${BRIEF}`] as const;
let target: Target;
let ssh: OpenSsh;
/** A connection that runs nothing, made while sshd had nothing of the product's. */
let idle: ChildProcess;
let idleSince: number;
/** One that only forwards, made while nobody noted certificates. */
let forgotten: ForwardOnly;
/** The same where they are noted, and when it ended, in unix seconds. */
let brief: ForwardOnly;
let briefEnded: Promise<number>;
beforeAll(async () => {
  target = await startTarget([TUNNEL, KEPT_TUNNEL, BRIEF_TUNNEL]);
  ssh = await openSsh(target);
  await target.guest.root.run(listeners(LISTED, KEPT, BRIEF, OTHER));
  await loosenSshd(target.guest.root);
  idle = await ssh.start(await tunnelling(), ['-N', HOST]);
  await vi.waitFor(async () => {
    expect(await target.sshdLog()).toContain('Accepted publickey for agent-runner');
  }, 90_000);
  idleSince = performance.now();
  await forgetLogins(target.guest.root);
  forgotten = await forwardOnly(target, ssh, KEPT_TUNNEL, BRIEF_SECONDS);
  await restoreSshd(target.guest.root);
  brief = await forwardOnly(target, ssh, BRIEF_TUNNEL, BRIEF_SECONDS);
  briefEnded = brief.ended.then(now);
});
afterAll(async () => {
  await ssh[Symbol.asyncDispose]();
  await target[Symbol.asyncDispose]();
});

/** A certificate's life that a login on a busy machine fits into. */
const BRIEF_SECONDS = 40;
/** By how much a connection may outlive its certificate. */
const LATE_SECONDS = 20;

const now = (): number => Math.floor(Date.now() / 1000);
const tunnelling = () => mintFor(target, ssh.publicKey, { tunnels: [TUNNEL] });
/** Connections to a port that stand, seen by root. */
const standing = async (port = LISTED): Promise<number> =>
  Number((await target.guest.root.run(`grep -c ':${port.toString(16).toUpperCase()} .* 01 ' /proc/net/tcp`)).output);

describe('with the certificate of a run that has a tunnel', () => {
  test('nothing is reached but its one destination: no other port, no other name of it, no socket, no way back', async () => {
    const elsewhere = [
      `127.0.0.1:${OTHER}`,
      '127.0.0.1:22',
      `localhost:${LISTED}`,
      `10.0.2.15:${LISTED}`,
      `127.0.0.2:${LISTED}`,
    ];
    const targets = [TUNNEL, ...elsewhere, `0.0.0.0:${LISTED}`, '10.0.2.2:80', '/run/burnbag/spawner.sock'];
    const paths = targets.map((_, at) => join(ssh.folder, `to-${at}.sock`));
    const forwards = targets.flatMap((to, at) => ['-L', `${paths[at] ?? ''}:${to}`]);
    const client = await ssh.start(await tunnelling(), ['-N', ...forwards, '-R', '127.0.0.1:7777:127.0.0.1:9', HOST]);
    const said = () => exchange({ path: paths[0] ?? '' }, ['hello\n']);
    expect(await until(client, async () => (await said()) || undefined)).toBe(`SSH-2.0 port ${LISTED}\n`);
    const answers = await Promise.all(paths.slice(1).map((path) => exchange({ path }, ['hello\n'])));
    expect(answers).toEqual(answers.map(() => ''));
    expect((await target.guest.root.run("grep -q ':1E61 .* 0A ' /proc/net/tcp")).code).not.toBe(0);
    client.kill('SIGKILL');
    const log = await target.sshdLog();
    for (const to of [...elsewhere, '10.0.2.2:80']) {
      const [host, port] = to.split(':');
      expect(log).toContain(`target ${host ?? ''} port ${port ?? ''}`);
    }
  });

  test('no network device is had, and the kernel has none to give', async () => {
    const { link, channel } = await connect(loginOf(target, await minted(target, { tunnels: [TUNNEL] })), PATIENT);
    link.allow(1024 * 1024);
    expect(await askForTun(link.client)).toContain('open failed');
    await expect.poll(target.sshdLog).toContain('ctype tun@openssh.com');
    expect((await target.guest.root.run('ls /dev/net/tun /sys/class/misc/tun')).code).not.toBe(0);
    channel.destroy();
    await link.end();
  });

  test('a flood out of the sandbox costs the relay no memory, read or not', async () => {
    const session = await open(target, await minted(target, { tunnels: [TUNNEL] }));
    const stream = await session.tunnel(TUNNEL, 'test');
    const before = process.memoryUsage().rss;
    stream.write('flood\n');
    await sleep(3_000);
    expect(growthMiB(before)).toBeLessThan(32);
    let bytes = 0;
    stream.on('data', (chunk: Buffer) => (bytes += chunk.length)).resume();
    // Several windows' worth: it flows.
    await expect.poll(() => bytes, { timeout: 90_000 }).toBeGreaterThan(8 * MEBIBYTE);
    expect(growthMiB(before)).toBeLessThan(64);
    expect(await session.request(HEALTH, { timeoutMs: 90_000 })).toMatchObject({ status: 'ok' });
    stream.destroy();
    await session.close();
  });
});

const MEBIBYTE = 1024 * 1024;
const growthMiB = (before: number): number => (process.memoryUsage().rss - before) / MEBIBYTE;

describe('a connection through a tunnel that is open at expiry', () => {
  test('is cut by the relay', async () => {
    const session = await open(target, await minted(target, { tunnels: [TUNNEL], ttlSeconds: 20 }));
    const stream = await session.tunnel(TUNNEL, 'test');
    const closed = new Promise((resolve) =>
      stream
        .on('close', resolve)
        .on('error', () => undefined)
        .resume(),
    );
    stream.write('hello\n');
    await vi.waitFor(async () => {
      expect(await standing()).toBeGreaterThan(0);
    }, 10_000);
    await closed;
    expect(await session.ended).toMatchObject({ reason: 'expired' });
    await nothingStands();
  });

  test('is cut by the executor alone, though certificate and client would go on', async () => {
    const path = join(ssh.folder, 'expiring.sock');
    const body = readCertificateLine(await tunnelling());
    const changed = regrant(body, (grant) => ({ ...grant, expires_at: now() + 25 }), true);
    // The other extension, which gives leave to forward, stays.
    const extensions = [...(changed.extensions ?? []), ...body.extensions.slice(1)];
    const certificate = await forgeCertificate(target.signer, ssh.publicKey, { ...body, ...changed, extensions });
    const client = await ssh.start(certificate, ['-L', `${path}:${TUNNEL}`, HOST, 'x']);
    const socket = await until(client, () => openThrough(path));
    if (socket === undefined) throw new Error('expected a connection through the tunnel');
    await new Promise((resolve) => socket.on('close', resolve));
    expect(now()).toBeLessThan(body.validBefore - 60);
    expect(await target.executorLog()).toContain('"reason":"expired"');
    await nothingStands();
    client.kill('SIGKILL');
  });
});

describe('a connection that only forwards, which the executor never sees,', () => {
  test('is ended by the sandbox when its certificate is over', async () => {
    const endedAt = await briefEnded;
    expect(endedAt).toBeGreaterThanOrEqual(brief.validBefore);
    expect(endedAt).toBeLessThan(brief.validBefore + LATE_SECONDS);
    expect(await brief.answers()).toBe(false);
    expect(await target.executorLog()).not.toContain(brief.serial);
    await nothingStands(BRIEF);
  });

  test('is ended when its certificate is revoked', async () => {
    const forward = await forwardOnly(target, ssh, TUNNEL);
    await revokeFor(target, [forward.serial]);
    await endsSoon(forward);
  });

  test('is ended when a session takes its certificate, and that one is served', async () => {
    const forward = await forwardOnly(target, ssh, TUNNEL);
    const { stdout } = await ssh.run(forward.certificate, [HOST, 'x'], {
      input: `${JSON.stringify(HEALTH)}\n`,
      timeoutMs: 90_000,
    });
    expect(stdout).toContain('"status":"ok"');
    await endsSoon(forward);
  });

  test('is not let in where its certificate cannot be noted', async () => {
    const { root } = target.guest;
    const before = (await target.sshdLog()).length;
    expect(await root.run('mount -t tmpfs -o ro tmpfs /run/logins')).toMatchObject({ code: 0 });
    await expect(forwardOnly(target, ssh, TUNNEL)).rejects.toThrow();
    expect(await root.run('umount /run/logins')).toMatchObject({ code: 0 });
    const log = (await target.sshdLog()).slice(before);
    expect(log).toContain('Failed publickey for agent-runner');
    expect(log).not.toContain('Accepted publickey');
    const forward = await forwardOnly(target, ssh, TUNNEL);
    await revokeFor(target, [forward.serial]);
    await forward.ended;
  });

  test('control: where nobody notes certificates it outlives its own', async () => {
    await sleep(Math.max(0, (forgotten.validBefore + LATE_SECONDS) * 1000 - Date.now()));
    expect(await forgotten.answers()).toBe(true);
  });
});

async function endsSoon(forward: ForwardOnly): Promise<void> {
  await forward.ended;
  expect(now()).toBeLessThan(forward.validBefore - 300);
  await nothingStands();
}

async function nothingStands(port = LISTED): Promise<void> {
  await expect.poll(() => standing(port), { timeout: 20_000 }).toBe(0);
}

describe('a flood of connections that never log in', () => {
  test('is held to a few by sshd; who is logged in goes on, and who comes after it can log in', async () => {
    const session = await open(target, await minted(target));
    const flood = Array.from({ length: 100 }, () => connectTo({ path: target.socket }).on('error', () => undefined));
    let greeted = 0;
    for (const socket of flood) socket.once('data', () => (greeted += 1));
    await sleep(4_000);
    expect(greeted).toBeLessThanOrEqual(STARTUPS_MAX);
    const { output } = await target.guest.root.run('busybox ps w | busybox grep -c "[s]shd-session\\|[s]shd: .*net"');
    expect(Number(output)).toBeLessThanOrEqual(2 * STARTUPS_MAX + 4);
    expect(await session.request(HEALTH, { timeoutMs: 90_000 })).toMatchObject({ status: 'ok' });
    for (const socket of flood) socket.destroy();
    await session.close();
    const after = await open(target, await minted(target));
    expect(await after.request(HEALTH, { timeoutMs: 90_000 })).toMatchObject({ status: 'ok' });
    await after.close();
  });
});

/** sshd_config: MaxStartups. */
const STARTUPS_MAX = 8;

test('control: without UnusedConnectionTimeout a connection that runs nothing is still there, long after the product’s would have ended', async () => {
  await sleep(Math.max(0, 45_000 - (performance.now() - idleSince)));
  expect(idle.exitCode).toBeNull();
  expect(await readFile(`/proc/${idle.pid ?? 0}/status`, 'utf8')).not.toMatch(/^State:\s+Z/m);
  expect(await target.sshdLog()).not.toContain('terminating inactive connection');
  idle.kill('SIGKILL');
});

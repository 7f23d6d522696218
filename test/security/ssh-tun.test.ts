import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, readlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { connect } from '../../orchestrator/relay/connect.ts';
import { parseLogin } from '../../orchestrator/relay/login.ts';
import { forgeLogin, MACHINE_ID, memorySigner } from '../support/login.ts';
import { PATIENT } from '../support/ssh/relay-side.ts';
import { askForTun, HAD } from '../support/ssh/tun.ts';
import { HONEST_EXECUTOR, startSshd, type TestSshd } from '../support/sshd.ts';

/*
 * The control of C26. The sandbox's kernel has no network devices to give away (tun), so whether its sshd refuses them cannot show there: an
 * sshd of this host shows it, for root, in a network namespace of its own, with the sandbox's settings but one. It shows too what does not
 * stand in the way: neither the certificate, which permits nothing, nor the forced command, nor DisableForwarding.
 */
const missing =
  process.getuid?.() !== 0
    ? 'a device is root’s to make'
    : existsSync('/dev/net/tun')
      ? undefined
      : 'no /dev/net/tun here';
if (missing !== undefined) console.warn(`network devices are not tried here: ${missing}`);

const signer = memorySigner();

describe.skipIf(missing !== undefined)('a network device of the machine', { timeout: 60_000 }, () => {
  test('control: is had by a login of root where PermitTunnel says yes', async () => {
    expect(await tryTun('PermitTunnel yes')).toEqual({ answer: HAD, devices: ['lo', 'tun0'] });
  });

  test('is refused by the sandbox’s own line', async () => {
    const config = await readFile(join(import.meta.dirname, '../../images/guest/etc/ssh/sshd_config'), 'utf8');
    const line = /^PermitTunnel .*$/m.exec(config)?.[0] ?? '';
    expect(await tryTun(line)).toEqual({ answer: expect.stringContaining('open failed') as string, devices: ['lo'] });
  });
});

/** Logs in, asks for a device, and looks which ones there are in the namespace of that sshd. */
async function tryTun(setting: string): Promise<{ answer: string; devices: readonly string[] }> {
  const principals = [`sandbox-${MACHINE_ID}`];
  const options = { caPublicKey: signer.publicKeyLine, principals, forceCommand: HONEST_EXECUTOR, config: [setting] };
  await using sshd = await startSshd(options);
  await using apart = await behindSocket(sshd);
  const where = { address: { path: apart.path }, hostKey: sshd.hostKey, username: sshd.username };
  const { link } = await connect(parseLogin({ ...where, ...(await forgeLogin(signer)) }), PATIENT);
  try {
    link.allow(1024 * 1024);
    const answer = await askForTun(link.client);
    return { answer, devices: await devicesOf(apart.child()) };
  } finally {
    await link.end();
  }
}

/** The same sshd again, for one connection to a unix socket, in a network namespace that ends with it. */
async function behindSocket(sshd: TestSshd) {
  const path = join(sshd.folder, 'apart.sock');
  let child: ChildProcess | undefined;
  const program = await readlink(`/proc/${(await sshd.processes())[0] ?? 0}/exe`);
  const server = createServer((socket) => {
    const argv = ['--net', '--', program, '-i', '-e', '-f', join(sshd.folder, 'sshd_config')];
    const started = spawn('/usr/bin/unshare', argv, { env: {}, stdio: ['pipe', 'pipe', 'ignore'] });
    socket.pipe(started.stdin.on('error', () => undefined));
    started.stdout.pipe(socket.on('error', () => undefined));
    child = started;
  });
  server.listen(path);
  await once(server, 'listening');
  return {
    path,
    child: () => child,
    [Symbol.asyncDispose]: async () => {
      server.close();
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
}

async function devicesOf(child: ChildProcess | undefined): Promise<readonly string[]> {
  const table = await readFile(`/proc/${child?.pid ?? 0}/net/dev`, 'utf8');
  return [...table.matchAll(/^\s*([a-z0-9]+):/gm)].map(([, name = '']) => name).sort();
}

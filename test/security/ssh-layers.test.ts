import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LOGGED, LOGINS, tryEverything, type Attacks } from '../support/ssh/attacks.ts';
import { giveHome, hasRun, loosenSshd } from '../support/ssh/layers.ts';
import { HOST, openSsh, type OpenSsh } from '../support/ssh/openssh.ts';
import { forgeFor, mintFor, permitsEverything, startTarget, type Target } from '../support/ssh/target.ts';

/*
 * The image's own sshd in a real VM, OpenSSH's own client, and a CA whose key the attacker has. Three layers stand in the way: sshd's
 * configuration, the certificate, the login shell. They are taken off one after the other, until everything works; the tests go in that order.
 */
let target: Target;
let ssh: OpenSsh;

beforeAll(async () => {
  target = await startTarget();
  ssh = await openSsh(target);
});
afterAll(async () => {
  await ssh[Symbol.asyncDispose]();
  await target[Symbol.asyncDispose]();
});

const product = () => mintFor(target, ssh.publicKey);
let serial = 1000n;
const permissive = () =>
  forgeFor(target, ssh.publicKey, (body) => ({ ...permitsEverything(body), serial: (serial += 1n) }));

/** What worked, and what sshd wrote meanwhile. Every login must have come through: a refused login proves nothing. */
async function attack(certificate: () => Promise<string>): Promise<{ worked: string[]; log: string; all: Attacks }> {
  const before = (await target.sshdLog()).length;
  const all = await tryEverything({ ssh, root: target.guest.root, certificate });
  const log = (await target.sshdLog()).slice(before);
  expect(log.match(/Accepted publickey for agent-runner/g)).toHaveLength(LOGINS);
  return { worked: Object.keys(all).filter((name) => all[name] === true), log, all };
}

/** Four logins under emulation, on a busy machine. */
const PHASE_MS = 150_000;

describe('with every layer on', { timeout: PHASE_MS }, () => {
  test('forwards of every kind, agent, X11, terminal, environment, login files and sftp are refused, and logged', async () => {
    await giveHome(target.guest.root, '/usr/local/bin/agent-exec');
    const { worked, log } = await attack(product);
    expect(worked).toEqual([]);
    for (const [name, line] of Object.entries(LOGGED)) expect(log, name).toMatch(line);
    expect(await hasRun(target.guest.root, 'bashrc')).toBe(false);
  });
});

describe('without the login shell', { timeout: PHASE_MS }, () => {
  test('a .bashrc runs before the forced command: that is what the login shell is for', async () => {
    await giveHome(target.guest.root, '/bin/bash');
    await ssh.run(await product(), [HOST, 'id']);
    expect(await hasRun(target.guest.root, 'bashrc')).toBe(true);
    expect(await hasRun(target.guest.root, 'rc')).toBe(false);
  });

  test("sshd's configuration holds alone against a certificate that permits everything", async () => {
    await giveHome(target.guest.root, '/bin/sh');
    const { worked, log } = await attack(permissive);
    expect(worked).toEqual([]);
    for (const [name, line] of Object.entries(LOGGED)) expect(log, name).toMatch(line);
  });

  test('the certificate holds alone on an sshd that allows everything, but for the environment, of which it says nothing', async () => {
    await loosenSshd(target.guest.root);
    const { worked } = await attack(product);
    expect(worked.filter((name) => name !== 'the environment')).toEqual([]);
  });

  test('with both off, every one of them works', async () => {
    const { worked, all } = await attack(permissive);
    expect(worked).toEqual(Object.keys(all));
    const ran = await ssh.run(await permissive(), [HOST, 'id -un; exit 3']);
    expect(ran).toMatchObject({ code: 3, stdout: 'agent-runner\n' });
  });

  test('one connection has many sessions, and one certificate many connections', async () => {
    const certificate = await permissive();
    const master = [
      '-o',
      `ControlPath=${join(ssh.folder, 'master')}`,
      '-o',
      'ControlMaster=auto',
      '-o',
      'ControlPersist=60',
    ];
    for (const args of [master, master, [], []])
      expect(await ssh.run(certificate, [...args, HOST, 'id -un'])).toMatchObject({ stdout: 'agent-runner\n' });
  });
});

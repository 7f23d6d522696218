import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { mintBlob } from '../../testing/certificate.ts';
import { makeGrant, makeSandbox, type TestSandbox } from '../../testing/sandbox.ts';
import { revoke } from '../login/revoked.ts';
import { endLogins, watchLogins } from './end-logins.ts';

/** A shell under the name of sshd's process, leading a group of its own with one more process in it. test/security has the real sshd. */
let sandbox: TestSandbox;
let now: number;
let connections: ChildProcess[];
beforeEach(() => {
  now = Math.floor(Date.now() / 1000);
  sandbox = makeSandbox({ now: () => now * 1000 });
  for (const name of ['sshd-session', 'another']) symlinkSync('/bin/sh', join(sandbox.folder, name));
  connections = [];
});
afterEach(() => {
  for (const { pid = 0, exitCode, signalCode } of connections)
    if (exitCode === null && signalCode === null) process.kill(-pid, 'SIGKILL');
  sandbox[Symbol.dispose]();
});

/** `ended` is when all of the group are. */
async function connect(name = 'sshd-session', prelude = ''): Promise<{ pid: string; ended: Promise<unknown> }> {
  const script = `${prelude} sleep 1000 & echo there; wait; wait`;
  const child = spawn(join(sandbox.folder, name), ['-c', script], {
    env: { PATH: '/usr/bin:/bin' },
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  });
  connections.push(child);
  const ended = once(child, 'close');
  await once(child.stdout, 'data');
  return { pid: String(child.pid), ended };
}

const noteOf = (pid: string): string => join(sandbox.guest.loginsFolder, pid);

/** Notes a certificate as the image does, `ago` seconds before now. */
function note(pid: string, content: Buffer | string, ago = 60): void {
  const text = typeof content === 'string' ? content : `${content.toString('base64')}\n`;
  writeFileSync(noteOf(pid), text);
  utimesSync(noteOf(pid), now - ago, now - ago);
}

const certificate = (validBefore: number, serial = 7n): Buffer =>
  mintBlob(sandbox.ca, makeGrant(), { serial, validBefore: BigInt(validBefore) });

/** Whether a look left it alone. */
async function stays(ended: Promise<unknown>): Promise<boolean> {
  endLogins(sandbox.guest);
  return Promise.race([ended.then(() => false), sleep(300, true)]);
}

describe('a connection', () => {
  it('is ended, and all that has it open, a little after the end of its certificate, and then forgotten', async () => {
    const { pid, ended } = await connect();
    note(pid, certificate(now + 10));
    expect(await stays(ended)).toBe(true);
    now += 12;
    expect(await stays(ended)).toBe(true);
    now += 1;
    endLogins(sandbox.guest);
    await ended;
    expect(existsSync(noteOf(pid))).toBe(true);
    endLogins(sandbox.guest);
    expect(existsSync(noteOf(pid))).toBe(false);
  });

  it('that takes no notice is killed', async () => {
    const { pid, ended } = await connect('sshd-session', 'trap "" TERM;');
    note(pid, certificate(now - 3));
    expect(await stays(ended)).toBe(true);
    now += 2;
    endLogins(sandbox.guest);
    await ended;
  });

  it.each(['', 'AAAA\n', 'no certificate\n'])('whose note says nothing (%j) has no time', async (text) => {
    const { pid, ended } = await connect();
    note(pid, text, 0);
    expect(await stays(ended)).toBe(true);
    now += 3;
    endLogins(sandbox.guest);
    await ended;
  });

  it('is ended when another takes its serial, or when it is revoked, and not when it took it itself', async () => {
    const [one, other, third] = [await connect(), await connect(), await connect()];
    for (const { pid } of [one, other]) note(pid, certificate(now + 600, 7n));
    note(third.pid, certificate(now + 600, 8n));
    writeFileSync(join(sandbox.guest.revokedFolder, 'serials', '7'), one.pid);
    revoke(sandbox.guest, Buffer.alloc(0), ['7', '8']);
    expect(await Promise.all([one, other, third].map(({ ended }) => stays(ended)))).toEqual([true, true, true]);
    now += 60;
    endLogins(sandbox.guest);
    await Promise.all([other.ended, third.ended]);
    expect(await stays(one.ended)).toBe(true);
  });

  it('with a certificate that is over already is given the time that a refusal takes', async () => {
    const { pid, ended } = await connect();
    note(pid, certificate(now - 1000), 0);
    expect(await stays(ended)).toBe(true);
    now += 3;
    endLogins(sandbox.guest);
    await ended;
  });
});

it('leaves alone what has a connection’s number and is none', async () => {
  const { pid, ended } = await connect('another');
  note(pid, certificate(now - 1000));
  expect(await stays(ended)).toBe(true);
  expect(existsSync(noteOf(pid))).toBe(false);
});

it('looks again and again', async () => {
  const { pid, ended } = await connect();
  note(pid, certificate(now - 1000));
  const watch = watchLogins(sandbox.guest);
  await ended;
  clearInterval(watch);
});

it('needs its folder: without it the root half ends, and the machine with it', () => {
  expect(() => {
    endLogins({ ...sandbox.guest, loginsFolder: '/nowhere' });
  }).toThrow(/ENOENT/);
});

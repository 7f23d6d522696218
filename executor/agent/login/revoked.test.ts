import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeSandbox, type TestSandbox } from '../../testing/sandbox.ts';
import { LoginRefused } from './refused.ts';
import { revoke, useOnce } from './revoked.ts';

/** ssh-keygen reads the list as sshd does. */
let sandbox: TestSandbox;
beforeEach(() => {
  sandbox = makeSandbox();
});
afterEach(() => {
  sandbox[Symbol.dispose]();
});

const list = (): string => join(sandbox.guest.revokedFolder, 'krl');

/** Whether ssh-keygen finds a certificate of this serial revoked. */
function isRevoked(serial: string): boolean {
  const cert = join(sandbox.folder, `${serial}-cert.pub`);
  keygen('-q', '-s', 'ca', '-I', 'x', '-n', 'x', '-z', serial, 'user.pub');
  writeFileSync(cert, readFileSync(join(sandbox.folder, 'user-cert.pub')));
  return spawnSync('ssh-keygen', ['-Q', '-f', list(), cert], OPTIONS).status === 1;
}

const OPTIONS = { env: { PATH: '/usr/bin:/bin' }, timeout: 10_000 } as const;

function keygen(...args: string[]): void {
  const { status, stderr } = spawnSync('ssh-keygen', args, { ...OPTIONS, cwd: sandbox.folder });
  if (status !== 0) throw new Error(String(stderr));
}

/** A CA that ssh-keygen signs with; returns its public key in SSH form. */
function makeKeygenCa(): Buffer {
  keygen('-q', '-t', 'ed25519', '-N', '', '-f', 'ca');
  keygen('-q', '-t', 'ed25519', '-N', '', '-f', 'user');
  return blobIn(join(sandbox.folder, 'ca.pub'));
}

function caBlobOf({ guest }: TestSandbox): Buffer {
  return blobIn(guest.caFile);
}

function blobIn(file: string): Buffer {
  return Buffer.from(readFileSync(file, 'utf8').split(' ')[1] ?? '', 'base64');
}

describe('a certificate', () => {
  it('is taken once; the second to come with it is refused, and so is one that was revoked', () => {
    useOnce(sandbox.guest, caBlobOf(sandbox), '7');
    revoke(sandbox.guest, caBlobOf(sandbox), ['8', '8', '7']);
    for (const serial of ['7', '8']) {
      expect(() => {
        useOnce(sandbox.guest, caBlobOf(sandbox), serial);
      }).toThrow(LoginRefused);
    }
  });

  it('is on the list that OpenSSH reads, and no other is', () => {
    const caBlob = makeKeygenCa();
    const most = String(2n ** 64n - 1n);
    revoke(sandbox.guest, caBlob, ['1', '42', most]);
    expect(['1', '42', most].map(isRevoked)).toEqual([true, true, true]);
    expect(['2', '43', '9'].map(isRevoked)).toEqual([false, false, false]);
    revoke(sandbox.guest, caBlobOf(sandbox), ['43']);
    expect(isRevoked('43')).toBe(false);
  });

  it('of several that come at once is taken by one process, and the list knows them all', async () => {
    const entry = join(import.meta.dirname, '../../testing/use-once-entry.ts');
    const serials = ['1', '2', '3', '4'].flatMap((serial) => [serial, serial]);
    const caBlob = makeKeygenCa();
    const said = await Promise.all(
      serials.map(async (serial) => {
        const args = [entry, JSON.stringify(sandbox.guest), caBlob.toString('hex'), serial];
        return (await promisify(execFile)(process.execPath, args, { ...OPTIONS, timeout: 60_000 })).stdout;
      }),
    );
    expect(said.filter((word) => word === 'taken')).toHaveLength(4);
    expect(said.filter((word) => word === 'LOGIN_CERTIFICATE_USED')).toHaveLength(4);
    expect(['1', '2', '3', '4'].map(isRevoked)).toEqual([true, true, true, true]);
  });

  it('that another process takes while a list is being written is on the list in the end', async () => {
    const entry = join(import.meta.dirname, '../../testing/use-once-entry.ts');
    const serials = join(sandbox.guest.revokedFolder, 'serials');
    const args = [JSON.stringify(sandbox.guest), makeKeygenCa().toString('hex'), '1'];
    // Its draft is a FIFO, so it waits there, with what it knows, until somebody reads.
    const hold = 'mkfifo "$1/krl.$$" && shift && exec "$@"';
    const held = ['-c', hold, 'sh', sandbox.guest.revokedFolder, process.execPath, entry, ...args];
    const child = execFile('/bin/sh', held, { ...OPTIONS, timeout: 60_000 });
    const exited = once(child, 'exit');
    const draft = join(sandbox.guest.revokedFolder, `krl.${child.pid ?? 0}`);
    await expect.poll(() => existsSync(join(serials, '1')), { timeout: 30_000 }).toBe(true);
    await sleep(500);
    writeFileSync(join(serials, '2'), '', { flag: 'wx' });
    await readFile(draft);
    expect(await exited).toEqual([0, null]);
    expect(['1', '2'].map(isRevoked)).toEqual([true, true]);
  });
});

it('needs its folder: without it nobody logs in', () => {
  const guest = { ...sandbox.guest, revokedFolder: '/nowhere' };
  expect(() => {
    useOnce(guest, caBlobOf(sandbox), '7');
  }).toThrow(/ENOENT/);
});

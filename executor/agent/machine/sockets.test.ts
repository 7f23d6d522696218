import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CONTRACTS } from '../../protocol/index.ts';
import { readInetAddress } from './inet-address.ts';
import { listSockets } from './sockets.ts';

const list = () => CONTRACTS.list_sockets.result.parse(listSockets('/proc/self/net'));

describe('listSockets', () => {
  it('tells what listens, where and whose it is', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'burnbag-sockets-'));
    const [tcp, unix] = [createServer().listen(0, '127.0.0.1'), createServer().listen(join(folder, 'a b.sock'))];
    try {
      await Promise.all([tcp, unix].map((server) => once(server, 'listening')));
      const address = tcp.address();
      const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
      const { entries } = list();
      const uid = process.getuid?.();
      expect(entries).toContainEqual(
        expect.objectContaining({
          protocol: 'tcp',
          local: `127.0.0.1:${port}`,
          remote: '0.0.0.0:0',
          state: 'LISTEN',
          uid,
        }),
      );
      expect(entries).toContainEqual(
        expect.objectContaining({
          protocol: 'unix',
          local: join(folder, 'a b.sock'),
          state: 'stream LISTEN',
          uid: null,
        }),
      );
    } finally {
      tcp.close();
      unix.close();
      rmSync(folder, { recursive: true });
    }
  });

  it('takes a row of one table for one of that table only, whatever a path holds', () => {
    const folder = mkdtempSync(join(tmpdir(), 'burnbag-sockets-'));
    const forged = 'x\n  9: 00000000:0016 00000000:0000 0A 0:0 0:0 0 0 0 31337 1';
    const code =
      'use Socket; socket(my $s, AF_UNIX, SOCK_STREAM, 0); bind($s, pack_sockaddr_un($ARGV[0])); open(F, "<", "/proc/self/net/unix"); print <F>;';
    try {
      const { stdout } = spawnSync('/usr/bin/perl', ['-e', code, forged], { cwd: folder, env: {}, encoding: 'utf8' });
      expect(stdout).toContain('31337');
      writeFileSync(join(folder, 'unix'), stdout);
      const { entries } = listSockets(folder);
      expect(new Set(entries.map(({ protocol }) => protocol))).toEqual(new Set(['unix']));
      expect(entries.map(({ inode }) => inode)).not.toContain(31337);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('says when there are more than it shows, and takes a kernel without any table', () => {
    const folder = mkdtempSync(join(tmpdir(), 'burnbag-sockets-'));
    try {
      expect(listSockets(folder)).toEqual({ entries: [], truncated: false });
      const row = '   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  2002        0 77 1\n';
      writeFileSync(join(folder, 'tcp'), `heading\n${row.repeat(5000)}`);
      const { entries, truncated } = listSockets(folder);
      expect([entries.length, truncated, entries[0]?.local]).toEqual([4096, true, '127.0.0.1:8080']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('readInetAddress', () => {
  it.each([
    ['0F02000A:0016', '10.0.2.15:22'],
    ['00000000000000000000000001000000:0050', '[0:0:0:0:0:0:0:1]:80'],
    ['B80D01200000000067452301EFCDAB89:FFFF', '[2001:db8:0:0:123:4567:89ab:cdef]:65535'],
  ])('reads %s', (text, address) => {
    expect(readInetAddress(text)).toBe(address);
  });

  it.each(['', ':', '0100007F', '0100007F:', '0100007F:00161', 'G100007F:0016', '0100007F00:0016'])(
    'refuses %j',
    (text) => {
      expect(readInetAddress(text)).toBeUndefined();
    },
  );
});

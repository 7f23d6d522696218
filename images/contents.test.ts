import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { checkFiles, type ImageInfo } from './build.ts';
import { builtImage, listRoot, readFrom, readInRoot, type Entry } from './testing/built-image.ts';

let image: ImageInfo;
let entries: Entry[];
beforeAll(async () => {
  image = await builtImage();
  entries = await listRoot(image);
});

const paths = (wanted: (entry: Entry) => boolean): string[] => entries.filter(wanted).map(({ path }) => path);
const find = (path: string): Entry | undefined => entries.find((entry) => entry.path === path);

describe('what the image must not contain', () => {
  test('a program that changes the user', () => {
    expect(entries.length).toBeGreaterThan(1000);
    expect(paths(({ mode }) => mode.startsWith('-') && /[sS]/.test(mode))).toEqual([]);
  });

  test('anything that somebody but root may change', () => {
    expect(find('')?.owner).toBe('0/0');
    expect(paths(({ owner }) => !owner.startsWith('0/'))).toEqual([]);
    expect(paths(({ mode }) => /^[-d]/.test(mode) && mode[8] === 'w' && mode[9] !== 't')).toEqual([]);
  });

  test('a host key, or any key at all', () => {
    expect(
      paths(({ path }) => /ssh_host_|_key(\.pub)?$|\.pem$|id_(rsa|ed25519|ecdsa)|authorized_keys/.test(path)),
    ).toEqual([]);
  });

  test('a package manager or its state', () => {
    const programs = /^\/usr\/s?bin\/(apt|apt-get|apt-cache|dpkg|dpkg-deb|rpm|pip3?|snap)$/;
    const state = /^\/(var\/lib|var\/cache|etc)\/(dpkg|apt)/;
    expect(paths(({ path }) => programs.test(path) || state.test(path))).toEqual([]);
  });

  test('facts of the machine that built it', async () => {
    expect(find('/etc/resolv.conf')).toBeUndefined();
    expect(await readInRoot(image, '/etc/machine-id')).toBe('');
    expect(await readInRoot(image, '/etc/hostname')).toBe('sandbox\n');
    expect(paths(({ path, mode }) => path.startsWith('/var/log/') && mode.startsWith('-'))).toEqual([]);
  });

  test('a service manager, cloud-init or cron', () => {
    expect(
      paths(({ path }) => /\/(systemd|cloud-init|cron|anacron)$/.test(path) && !path.startsWith('/usr/share/')),
    ).toEqual([]);
  });
});

describe('users', () => {
  test('nobody has a password', async () => {
    const hashes = (await readInRoot(image, '/etc/shadow'))
      .trim()
      .split('\n')
      .map((line) => line.split(':')[1]);
    expect(hashes.filter((hash) => hash !== '*' && hash !== '!*')).toEqual([]);
  });

  test('the two that may log in have their one program for a shell, the others have none', async () => {
    const lines = (await readInRoot(image, '/etc/passwd')).split('\n');
    expect(lines.filter((line) => /:200\d:/.test(line))).toEqual([
      'agent-runner:x:2000:2000::/:/usr/local/bin/agent-exec',
      'audit-reader:x:2001:2001::/:/usr/local/bin/audit-stream',
      'detonate:x:2002:2002::/:/usr/sbin/nologin',
      'logins:x:2003:2003::/:/usr/sbin/nologin',
    ]);
  });

  test('only root has the number 0', async () => {
    const lines = (await readInRoot(image, '/etc/passwd')).split('\n');
    expect(lines.filter((line) => line.split(':')[2] === '0')).toHaveLength(1);
  });
});

describe('what the image must contain', () => {
  test.each([
    '/usr/local/bin/agent-exec',
    '/usr/sbin/init',
    '/usr/sbin/sshd',
    '/usr/sbin/auditd',
    '/usr/sbin/nft',
    '/usr/bin/curl',
    '/usr/bin/bash',
  ])('%s', (path) => {
    expect(find(path)?.mode).toBe('-rwxr-xr-x');
  });

  test('rules and configuration that only root reads', () => {
    expect(find('/etc/ssh/sshd_config')?.mode).toBe('-rw-------');
    expect(find('/etc/audit/audit.rules')?.mode).toBe('-rw-r-----');
  });

  test('audit rules that end locked, without an exception for anybody', async () => {
    const rules = (await readInRoot(image, '/etc/audit/audit.rules')).split('\n').filter((line) => /^-/.test(line));
    expect(rules.at(-1)).toBe('-e 2');
    expect(rules.filter((line) => line.includes('never'))).toEqual([]);
  });

  test('a firewall whose every chain drops by default', async () => {
    const chains = (await readInRoot(image, '/etc/nftables.conf'))
      .split('\n')
      .filter((line) => line.includes('type filter hook'));
    expect(chains).toHaveLength(3);
    expect(chains.every((line) => line.includes('policy drop;'))).toBe(true);
  });

  test('an initrd with nothing but busybox, its script and modules', async () => {
    const names = (await readFrom('cpio', ['-it', '--quiet', '-F', join(image.directory, 'initrd.img')]))
      .trim()
      .split('\n');
    const others = names.filter(
      (name) =>
        !/^(\.|bin|dev|proc|sys|root|lib|init|bin\/(busybox|sh)|lib\/modules(\/[^/]+(\/(order|modules\.dep|\w+\.ko))?)?)$/.test(
          name,
        ),
    );
    expect(others).toEqual([]);
  });

  test('the bytes that were built', async () => {
    await checkFiles(image);
  });
});

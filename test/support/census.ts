import { createHash } from 'node:crypto';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { lockHome } from '../../orchestrator/run/home-lock.ts';

/** A process of this host that has something to do with a data directory. */
export interface FoundProcess {
  readonly pid: number;
  readonly argv: readonly string[];
}

/** Where a test's commands work: their data directory and their $TMPDIR. */
export interface Place {
  readonly home: string;
  readonly temporary: string;
}

/**
 * Everything that must not be there once the commands on a data directory have ended, looked for on the host itself; one line each.
 * `ports` are those the runs are known to have had.
 */
export async function leftovers({ home, temporary }: Place, ports: readonly number[] = []): Promise<string[]> {
  const listening = await listeningPorts();
  return [
    ...(await processesOf(home)).map(({ pid, argv }) => `process ${pid}: ${argv.join(' ').slice(0, 200)}`),
    ...ports.filter((port) => listening.has(port)).map((port) => `port ${port}`),
    ...(await below(join(home, 'live'))),
    ...(await below(join(home, 'state'))).filter((path) => /\/run-[0-9a-f]{12}/.test(path)),
    ...(await present(home, ['lock.json', 'control.sock'])),
    ...(await present(join(home, 'archive'), ['server.json'])),
    ...(await below(temporary)),
    ...(await below('/dev/shm')).filter((path) => path.includes(labelOf(home))),
    ...(await lockTrouble(home)),
  ];
}

/** Live processes that name the data directory, or its machines' label, in their argument vector, or work in it. Zombies are gone. */
export async function processesOf(home: string): Promise<readonly FoundProcess[]> {
  const label = labelOf(home);
  const pids = (await readdir('/proc')).filter((name) => /^[0-9]+$/.test(name)).map(Number);
  const found = await Promise.all(
    pids.map(async (pid) => {
      const argv = (await readProc(pid, 'cmdline')).split('\0').slice(0, -1);
      const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => '');
      const state = /^State:\t(.)/m.exec(await readProc(pid, 'status'))?.[1];
      const isOfHome = argv.some((word) => word.includes(home) || word.includes(label)) || cwd.startsWith(home);
      return isOfHome && state !== undefined && state !== 'Z' && pid !== process.pid ? [{ pid, argv }] : [];
    }),
  );
  return found.flat();
}

/** What machines of a data directory carry. */
function labelOf(home: string): string {
  return `burnbag-${createHash('sha256').update(home).digest('hex').slice(0, 12)}-`;
}

/** TCP ports somebody on this host listens on, IPv4 and IPv6 (proc(5): state 0A). */
export async function listeningPorts(): Promise<ReadonlySet<number>> {
  const tables = await Promise.all(
    ['/proc/net/tcp', '/proc/net/tcp6'].map((path) => readFile(path, 'utf8').catch(() => '')),
  );
  const rows = tables.flatMap((table) => table.split('\n').map((line) => line.trim().split(/\s+/)));
  return new Set(
    rows.filter(([, , , state]) => state === '0A').map(([, address]) => parseInt(address?.split(':')[1] ?? '', 16)),
  );
}

async function lockTrouble(home: string): Promise<string[]> {
  try {
    await (await lockHome(home))[Symbol.asyncDispose]();
    return [];
  } catch (error) {
    return [`lock: ${String(error)}`];
  }
}

async function below(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true }).catch((): string[] => []);
  return names.map((name) => join(folder, name));
}

async function present(folder: string, names: readonly string[]): Promise<string[]> {
  const found = await readdir(folder).catch((): string[] => []);
  return names.filter((name) => found.includes(name)).map((name) => join(folder, name));
}

function readProc(pid: number, name: string): Promise<string> {
  return readFile(`/proc/${pid}/${name}`, 'latin1').catch(() => '');
}

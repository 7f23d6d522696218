import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** One process as the kernel knows it. `startTime` is clock ticks since boot (proc(5), field 22 of stat): pid and it are never reused together. */
export interface Process {
  readonly pid: number;
  readonly startTime: string;
  /** One letter of proc(5); `Z` and `X` are dead. */
  readonly state: string;
  /** Its real user. */
  readonly uid: number;
  readonly argv: readonly string[];
}

/** Looks a process up by its pid; undefined only when the kernel says there is none, or that it is dead and waits to be reaped. */
export async function lookUp(pid: number): Promise<Process | undefined> {
  const stat = await readProc(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  const { state, startTime } = parseStat(stat);
  if (state === 'X' || (state === 'Z' && (await isWhollyDead(pid)))) return undefined;
  const [cmdline, status] = await Promise.all([readProc(`/proc/${pid}/cmdline`), readProc(`/proc/${pid}/status`)]);
  if (cmdline === undefined || status === undefined) return undefined;
  return { pid, startTime, state, uid: parseUid(status), argv: cmdline.split('\0').slice(0, -1) };
}

/** Every live process whose argument vector satisfies `wanted`. */
export async function findProcesses(wanted: (argv: readonly string[]) => boolean): Promise<readonly Process[]> {
  const pids = (await readdir('/proc')).filter((name) => /^[0-9]+$/.test(name));
  const matching = await Promise.all(
    pids.map(async (name) => {
      const cmdline = await readProc(`/proc/${name}/cmdline`);
      return cmdline !== undefined && wanted(cmdline.split('\0').slice(0, -1)) ? lookUp(Number(name)) : undefined;
    }),
  );
  return matching.filter((process) => process !== undefined && wanted(process.argv)) as readonly Process[];
}

/** The value that follows an option in an argument vector, as in `-name VALUE`. */
export function optionOf(argv: readonly string[], option: string): string | undefined {
  const at = argv.indexOf(option);
  return at === -1 ? undefined : argv[at + 1];
}

/** Waits until this very process is no more; false when it still lives at the deadline. */
export async function waitUntilGone(
  process: { readonly pid: number; readonly startTime: string },
  deadlineMs: number,
): Promise<boolean> {
  const until = performance.now() + deadlineMs;
  for (;;) {
    const now = await lookUp(process.pid);
    if (now?.startTime !== process.startTime) return true;
    if (performance.now() > until) return false;
    await sleep(POLL_MS);
  }
}

/** This boot of the host: a pid from another one means nothing. */
export async function readBootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
}

/** State letter and start time out of /proc/PID/stat. The name in brackets may hold anything, brackets too. */
export function parseStat(stat: string): { readonly state: string; readonly startTime: string } {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, startTime] = [fields[0], fields[19]];
  if (state === undefined || startTime === undefined || !/^[0-9]+$/.test(startTime))
    throw new Error(`unreadable /proc stat: ${JSON.stringify(stat)}`);
  return { state, startTime };
}

/** The first number of `Uid:` in /proc/PID/status: the real user. */
function parseUid(status: string): number {
  const uid = /^Uid:\t([0-9]+)/m.exec(status)?.[1];
  if (uid === undefined) throw new Error(`unreadable /proc status: ${JSON.stringify(status.slice(0, 200))}`);
  return Number(uid);
}

/** When a process of this boot began, from its start time in clock ticks (always 100 a second as /proc tells it, whatever the kernel uses). */
export async function startedAt(startTime: string): Promise<Date> {
  const uptime = Number((await readFile('/proc/uptime', 'utf8')).split(' ')[0]);
  return new Date(Date.now() - (uptime - Number(startTime) / 100) * 1000);
}

/** A killed QEMU is gone within a few milliseconds. */
const POLL_MS = 3;

/** The first thread of a process may end before the others: then the process looks dead and is not. */
async function isWhollyDead(pid: number): Promise<boolean> {
  try {
    return (await readdir(`/proc/${pid}/task`)).length <= 1;
  } catch (error) {
    if (isGone(error)) return true;
    throw error;
  }
}

async function readProc(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'latin1');
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** ESRCH is what a file already open says when its process ends under the reader. */
function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ESRCH';
}

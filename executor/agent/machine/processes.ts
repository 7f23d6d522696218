import { readdirSync, readFileSync } from 'node:fs';
import type { ActionResult } from '../../protocol/answer.ts';
import type { ProcessEntry } from '../../protocol/shapes.ts';
import { Budget } from '../output/budget.ts';

/** Processes in one answer: above the catalogue's limit for scripts plus everything else that runs on the machine. */
const PROCESSES_MAX = 2048;

/** Characters of all arguments of one process that are shown. */
const ARGV_MAX_CHARS = 4096;

/** Lists what runs now, as the kernel tells it (proc(5)). A process that ends meanwhile is left out. */
export function listProcesses(): ActionResult<'list_processes'> {
  const pids = readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name));
  const budget = new Budget();
  const found = pids.slice(0, PROCESSES_MAX).flatMap((pid) => readProcess(pid) ?? []);
  const entries = found.filter((entry) => budget.take(entry));
  return { entries, truncated: pids.length > PROCESSES_MAX || entries.length < found.length };
}

function readProcess(pid: string): ProcessEntry | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').slice(0, ARGV_MAX_CHARS);
    return {
      pid: Number(pid),
      ppid: Number(fieldOf(status, 'PPid')),
      uid: Number(fieldOf(status, 'Uid').split('\t')[0]),
      name: fieldOf(status, 'Name'),
      argv: argv === '' ? [] : argv.replace(/\0$/, '').split('\0'),
      state: fieldOf(status, 'State').slice(0, 1),
    };
  } catch {
    return undefined;
  }
}

/** The kernel escapes newlines in names, so a name cannot pretend to be a field. */
function fieldOf(status: string, name: string): string {
  return new RegExp(`^${name}:\t(.*)$`, 'm').exec(status)?.[1] ?? '';
}

import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Confinement } from '../catalogue.ts';
import { errnoOf } from '../failure.ts';

/** Files of a cgroup and what is written to them (cgroup-v2.rst in the kernel's documentation). */
export type CgroupLimits = Readonly<Record<string, string>>;

/** What a script's cgroup allows. When memory runs out the whole group goes, so a run ends in one way and says so. */
export function limitsOf({ memory_percent: memory, pids, cpu_weight: weight }: Confinement): CgroupLimits {
  return {
    'memory.max': String(Math.floor((totalmem() * memory.value) / 100)),
    'memory.oom.group': '1',
    'pids.max': String(pids.value),
    'cpu.weight': String(weight.value),
  };
}

/** The kernel kills within milliseconds; what takes longer hangs in a device, and the machine is about to be burned anyway. */
const EMPTY_TIMEOUT_MS = 5_000;

const POLL_MS = 5;

/** The cgroup of one script. Whatever the script starts is in it and cannot leave it: its files are root's. */
export class Cgroup {
  readonly #parent: string;
  readonly #folder: string;

  /** Makes it, with its limits in force. Throws a system error when a controller is missing: then no script runs. */
  constructor(parent: string, name: string, limits: CgroupLimits) {
    this.#parent = parent;
    this.#folder = join(parent, name);
    mkdirSync(this.#folder);
    for (const [file, value] of Object.entries(limits)) writeFileSync(join(this.#folder, file), value);
  }

  /** Does one synchronous thing inside: a process that is started by it is born there. */
  inside<Result>(start: () => Result): Result {
    writeFileSync(join(this.#folder, 'cgroup.procs'), '0');
    try {
      return start();
    } finally {
      writeFileSync(join(this.#parent, 'cgroup.procs'), '0');
    }
  }

  /** Kills every process in it, at once and in one go, so none can fork its way out. */
  kill(): void {
    writeFileSync(join(this.#folder, 'cgroup.kill'), '1');
  }

  get ranOutOfMemory(): boolean {
    return /^oom_kill [1-9]/m.test(this.#read('memory.events'));
  }

  /** Removes it once it is empty. Throws when it does not become so in time. */
  async remove(): Promise<void> {
    const deadline = performance.now() + EMPTY_TIMEOUT_MS;
    while (/^populated 1$/m.test(this.#read('cgroup.events'))) {
      if (performance.now() > deadline)
        throw new Error('expected an empty cgroup after cgroup.kill, got processes that stay');
      await sleep(POLL_MS);
    }
    rmdirSync(this.#folder);
  }

  /** Empty where the kernel keeps no such count. */
  #read(file: string): string {
    try {
      return readFileSync(join(this.#folder, file), 'utf8');
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return '';
      throw error;
    }
  }
}

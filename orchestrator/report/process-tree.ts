import { posix } from 'node:path';
import type { AuditEvent } from './audit-events.ts';
import { BoundedList } from './bounded-list.ts';
import type { FailedProgram, Program, ReportedProcess } from './report.ts';
import { nameOfError } from './system-call.ts';

/** The user that scripts run as in the sandbox image. */
const DETONATE_UID = 2002;

/** More processes than a person looks at; the audit log has the rest. */
const PROCESSES_MAX = 5_000;
const PROGRAMS_MAX = 64;
const FAILED_PROGRAMS_MAX = 500;

/** clone(2): the "child" is a thread of the same process. */
const CLONE_THREAD = 0x10000;

/**
 * Who started whom, learnt from the events one by one. A fork names the child in the parent's record, which may come after the child's own first
 * records; those name the parent as ppid, unless it has died by then. Each fills in what the other has not said yet.
 */
export class ProcessTree {
  readonly #processes: ReportedProcess[] = [];
  readonly #byPid = new Map<number, ReportedProcess>();
  /** Ids of processes whose fork was seen: a second fork with the same pid is another process. */
  readonly #forked = new Set<number>();
  /** Children of clone3, whose arguments no record shows: processes if they are seen again, threads if not. */
  readonly #maybe = new Map<number, ReportedProcess>();
  readonly #leftOut = new Set<number>();
  readonly #failed = new BoundedList<FailedProgram>(FAILED_PROGRAMS_MAX);

  /** The script's process that an event is about; undefined when it is none of the script's, or there are too many. */
  processOf(event: AuditEvent): ReportedProcess | undefined {
    const known = this.#byPid.get(event.pid);
    if (known !== undefined && (event.uid === DETONATE_UID || event.ppid === known.ppid)) return known;
    const parent = this.#byPid.get(event.ppid) ?? this.#maybe.get(event.pid);
    return event.uid === DETONATE_UID || parent !== undefined
      ? this.#add(event.pid, event.ppid, parent, event)
      : undefined;
  }

  /** Takes in a fork, clone or vfork that succeeded. */
  fork(event: AuditEvent): void {
    const parent = this.#byPid.get(this.processOf(event)?.pid ?? -1);
    if (parent === undefined || event.exit <= 0) return;
    if (event.call === 'clone' && (Number.parseInt(event.args[0] ?? '', 16) & CLONE_THREAD) !== 0) return;
    const child = this.#byPid.get(event.exit);
    if (child !== undefined && !this.#forked.has(child.id) && (child.parent === parent.id || child.parent === null)) {
      // The child was seen first. Where its parent had died by then, here it gets the one it had.
      child.parent = parent.id;
      child.started_ms = Math.min(child.started_ms, event.atMs);
      this.#forked.add(child.id);
    } else if (event.call === 'clone3') {
      this.#maybe.set(event.exit, parent);
    } else {
      const added = this.#add(event.exit, parent.pid, parent, { ...event, uid: parent.uid });
      if (added !== undefined) this.#forked.add(added.id);
    }
  }

  /** Takes in an execve, done or failed. */
  execute(event: AuditEvent): void {
    const process = this.processOf(event);
    if (process === undefined) return;
    const path = event.paths[0]?.name ?? '';
    if (!event.success) {
      const error = nameOfError(event.exit);
      this.#failed.add([process.id, path, error], () => ({ process: process.id, path, error, times: 0 }));
    } else if (process.programs.length < PROGRAMS_MAX) {
      process.programs.push(programOf(event));
    }
  }

  get processes(): ReportedProcess[] {
    return this.#processes;
  }

  get failedPrograms(): FailedProgram[] {
    return this.#failed.entries;
  }

  get leftOut(): { processes: number; failed_programs: number } {
    return { processes: this.#leftOut.size, failed_programs: this.#failed.leftOut };
  }

  #add(pid: number, ppid: number, parent: ReportedProcess | undefined, seen: AuditEvent): ReportedProcess | undefined {
    if (this.#processes.length >= PROCESSES_MAX) {
      this.#leftOut.add(pid);
      return undefined;
    }
    const id = this.#processes.length + 1;
    const added = { id, parent: parent?.id ?? null, pid, ppid, uid: seen.uid, started_ms: seen.atMs, programs: [] };
    this.#processes.push(added);
    this.#byPid.set(pid, added);
    this.#maybe.delete(pid);
    return added;
  }
}

function programOf({ atMs, exe, argv = [], cwd = '', paths }: AuditEvent): Program {
  // The files of an execve: the program or script first, then its interpreter and its loader.
  const called = posix.basename(argv[0] ?? '');
  const disguised = !paths.some(({ name }) => posix.basename(name) === called);
  return { at_ms: atMs, exe: exe ?? paths[0]?.name ?? '', argv: [...argv], disguised, cwd };
}

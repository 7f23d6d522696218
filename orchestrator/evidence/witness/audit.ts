import { Findings } from './findings.ts';
import type { AuditFileWitness } from './audit-file.ts';

/** The two users of the guest whose programs are looked for: scripts run as one, the log is fetched by the other. */
const SCRIPT_UID = '2002';
const READER_UID = '2001';

/** How far out of order records may come: the kernel hands them to auditd by processor. */
const LATE_MAX = 4_096;

/**
 * Reads audit.log line by line. The kernel numbers events; an event has several records of one number, and they may come a little out of
 * order, but no number is left out. auditd's own records (DAEMON_…) count for themselves.
 */
export class AuditWitness {
  records = 0;
  firstSeq: number | null = null;
  lastSeq: number | null = null;
  /** Processes of scripts that became a program. */
  readonly started = new Set<number>();
  /** Whether the login that fetched the guest's own file is in it. */
  hasReader = false;
  readonly findings = new Findings();
  readonly #file: AuditFileWitness;
  readonly #missing = new Set<number>();
  #gaps = 0;
  #hasStart = false;

  constructor(file: AuditFileWitness) {
    this.#file = file;
  }

  readonly onLine = (line: Buffer | undefined): void => {
    this.records += 1;
    const header = line === undefined ? null : AUDIT_HEADER.exec(line.toString('latin1', 0, HEADER_MAX_BYTES));
    if (line === undefined || header === null) {
      this.findings.add('record_unreadable', 'audit', `record ${this.records}`);
      return;
    }
    const [, type = '', serial = ''] = header;
    if (type.startsWith('DAEMON_')) this.#noteDaemon(type);
    else this.#count(Number(serial));
    if (type === 'SYSCALL') this.#noteCall(line.toString('latin1', 0, SYSCALL_MAX_BYTES));
    if (type !== 'EOE') this.#file.compare(line);
  };

  /** After the last line: what is still missing. */
  end(): void {
    for (const number of this.#missing) this.#gap(number, number);
    if (this.#gaps > 0 || this.records === 0) return;
    if (!this.#hasStart) this.findings.add('audit_gap', 'audit', 'it does not begin with the start of auditd');
  }

  #count(serial: number): void {
    this.firstSeq ??= serial;
    const next = (this.lastSeq ?? serial - 1) + 1;
    if (serial < next) {
      this.#missing.delete(serial);
      return;
    }
    if (serial - next > LATE_MAX) this.#gap(next, serial - 1);
    else for (let number = next; number < serial; number += 1) this.#missing.add(number);
    this.lastSeq = serial;
    if (this.#missing.size > LATE_MAX) this.#forgetOldest();
  }

  /** What is that late does not come any more. */
  #forgetOldest(): void {
    const [oldest] = this.#missing;
    if (oldest === undefined) return;
    this.#missing.delete(oldest);
    this.#gap(oldest, oldest);
  }

  #gap(from: number, to: number): void {
    this.#gaps += 1;
    this.findings.add('audit_gap', 'audit', from === to ? `number ${from}` : `numbers ${from} to ${to}`);
  }

  /** auditd says when it starts, once; anything else it says of itself is that it ended, was told to, or failed. One that was killed says nothing, but starts again. */
  #noteDaemon(type: string): void {
    if (type === 'DAEMON_START' && !this.#hasStart) this.#hasStart = true;
    else this.findings.add('audit_stopped', 'audit', `by its own word, record ${this.records}`);
  }

  #noteCall(text: string): void {
    const [, pid, uid] = AUDIT_CALLER.exec(text) ?? [];
    if (uid === READER_UID) this.hasReader = true;
    if (uid === SCRIPT_UID && text.includes(' key="exec"')) this.started.add(Number(pid));
  }
}

const HEADER_MAX_BYTES = 128;
/** Longest record of a system call; names in it are cut at 16 and 4096 bytes by the kernel, and written in hex at worst. */
const SYSCALL_MAX_BYTES = 16_384;
const AUDIT_HEADER = /^(?:node=\S+ )?type=(\S+) msg=audit\(\d{1,12}\.\d{3}:(\d{1,15})\):/;
/** Both come before any text that a program can choose. */
const AUDIT_CALLER = / ppid=\d+ pid=(\d+) auid=\d+ uid=(\d+) /;

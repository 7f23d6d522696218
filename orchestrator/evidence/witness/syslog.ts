import { Findings } from './findings.ts';

/** sshd's word on a login: before the user's name stands nothing that a client can choose. */
const LOGIN =
  /^\w{3} [ \d]\d [\d:]{8} \S+ auth\.info sshd-session\[\d+\]: Accepted publickey for \S+ from \S+ port \d+ ssh2: .* \(serial (\d{1,20})\) CA /;

/** auditd's word on itself, when it is more than a notice: records that its plugins did not get are gone from the stream. */
const AUDITD_TROUBLE = /^\w{3} [ \d]\d [\d:]{8} \S+ \w+\.(?:warn|err|crit|alert|emerg) auditd\[\d+\]: /;

/** Reads sshd.log, the guest's system log, line by line. */
export class SyslogWitness {
  /** Certificate serials of the logins that sshd accepted. */
  readonly logins: string[] = [];
  readonly findings = new Findings();
  #records = 0;

  readonly onLine = (line: Buffer | undefined): void => {
    this.#records += 1;
    const text = line?.toString('latin1', 0, SYSLOG_MAX_BYTES) ?? '';
    const [, serial] = LOGIN.exec(text) ?? [];
    if (serial !== undefined) this.logins.push(serial);
    if (AUDITD_TROUBLE.test(text)) this.findings.add('audit_lost', 'sshd', `auditd says so, record ${this.#records}`);
  };
}

/** A key id has at most 256 characters, and it is in such a line once. */
const SYSLOG_MAX_BYTES = 4_096;

/** The kernel's word, on the console, on audit records that it could not hand on (kernel/audit.c). */
const KERNEL_LOST = /\baudit: (?:audit_lost=|backlog limit exceeded|kauditd hold queue overflow|rate limit exceeded)/;

/** Reads console.log line by line. */
export class ConsoleWitness {
  readonly findings = new Findings();
  #records = 0;

  readonly onLine = (line: Buffer | undefined): void => {
    this.#records += 1;
    if (line !== undefined && KERNEL_LOST.test(line.toString('latin1', 0, SYSLOG_MAX_BYTES)))
      this.findings.add('audit_lost', 'console', `the kernel says so, record ${this.#records}`);
  };
}

import { Findings } from './findings.ts';

/** auditd turns its file over at this size: what was before is then no longer in it. */
const ROTATED_AT_BYTES = 4 * 1024 * 1024;

/** Lines kept for the comparison: more than a file of that size has. */
const FILE_LINES_MAX = 200_000;

/**
 * The guest's own audit file, fetched at the end, beside the stream of the same records: it must be a run of consecutive lines of it, from
 * its beginning unless the file was turned over. A stream has end-of-event records (EOE) that the file has not. Must be read before the stream.
 */
export class AuditFileWitness {
  records = 0;
  readonly findings = new Findings();
  readonly #lines: Buffer[] = [];
  #at = 0;
  #skippedBytes = 0;
  #skippedLines = 0;
  #differsAt: number | undefined;

  /** Copies: the memory a line lies in is read into again. */
  readonly onLine = (line: Buffer | undefined): void => {
    this.records += 1;
    if (line !== undefined && this.records <= FILE_LINES_MAX) this.#lines.push(Buffer.from(line));
  };

  /** Takes the stream's lines, one after the other. */
  compare(line: Buffer): void {
    const expected = this.#lines[this.#at];
    if (expected === undefined || this.#differsAt !== undefined) return;
    if (line.equals(expected)) this.#at += 1;
    else if (this.#at > 0) this.#differsAt = this.#at + 1;
    else {
      this.#skippedBytes += line.length + 1;
      this.#skippedLines += 1;
    }
  }

  /** After the last line of both. `hasAll` says that the relay came to the file's end; the two digests are of what it fetched, and of what is here. */
  end({ hasAll, fetched, here }: { hasAll: boolean; fetched: string | undefined; here: string | undefined }): void {
    if (fetched !== undefined && here !== undefined && fetched !== here)
      this.findings.add('file_differs', 'audit_file', `what the relay fetched had sha256 ${fetched}`);
    if (!hasAll) return;
    const problem = this.#problem();
    if (problem !== undefined) this.findings.add('file_differs', 'audit_file', problem);
    if (this.records > FILE_LINES_MAX) this.findings.add('too_many_records', 'audit_file', `after ${FILE_LINES_MAX}`);
  }

  #problem(): string | undefined {
    const lines = this.#lines.length;
    if (lines === 0) return 'it is empty';
    if (this.#at === 0) return 'nothing of it had been sent';
    if (this.#differsAt !== undefined) return `line ${this.#differsAt}`;
    if (this.#at < lines) return `${lines - this.#at} lines at its end had not been sent`;
    if (this.#skippedLines > 0 && this.#skippedBytes < ROTATED_AT_BYTES)
      return `its first ${this.#skippedLines} lines are gone`;
    return undefined;
  }
}

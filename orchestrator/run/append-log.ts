import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';

/** A file of one JSON line per record. */
export interface AppendLog {
  /** On disk when it returns, unless the record may wait for the next one: what it speaks of has not happened yet, or not been told to anybody. */
  append(record: object, mayWait?: boolean): void;
  close(): void;
}

/** Opens (or goes on with) a log. `append` throws when the record cannot or, says `fence`, may not be kept: whoever appends must then stop. */
export function openAppendLog(file: string, fence: () => void): AppendLog {
  let fd: number | undefined = openSync(file, 'a', 0o600);
  return {
    append(record, mayWait = false) {
      if (fd === undefined) throw new Error(`expected ${file} to be open, got a record after its end`);
      fence();
      const line = Buffer.from(`${JSON.stringify(record)}\n`);
      for (let done = 0; done < line.length;) done += writeSync(fd, line, done);
      if (!mayWait) fdatasyncSync(fd);
    },
    close() {
      if (fd !== undefined) closeSync(fd);
      fd = undefined;
    },
  };
}

import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf } from '../failure.ts';
import type { Guest } from '../guest.ts';

/** A record could not be written. Nothing runs and nothing is answered after it. */
export class AuditUnavailable extends Error {
  override readonly name = 'AuditUnavailable';
}

/** An action whose record could not be written: `answer` is the line that says so, and the last one. */
export class Unrecorded extends AuditUnavailable {
  readonly answer: Buffer;

  constructor(answer: Buffer, cause: AuditUnavailable) {
    super(cause.message, { cause });
    this.answer = answer;
  }
}

/** The port's other end is a file of the host, or a collector: it takes a record at once, or something is wrong. */
const WRITE_TIMEOUT_MS = 5_000;

/** The port serves one process at a time; the session before this one is gone within moments of its connection. */
const OPEN_TIMEOUT_MS = 2_000;

const RETRY_MS = 20;

/** Where audit records leave to. */
export interface AuditSink extends Disposable {
  /** Resolves when every byte is written; throws AuditUnavailable. */
  write(line: Buffer): Promise<void>;
}

/** Opens the port that leaves the machine, or the file where there is no port. Throws AuditUnavailable. */
export async function openAuditSink({ auditPort, auditFile }: Guest): Promise<AuditSink> {
  const fd = (await openWhenFree(auditPort)) ?? (await openWhenFree(auditFile));
  if (fd === undefined)
    throw new AuditUnavailable(`expected ${auditPort} or ${auditFile}, got neither; look at the boot`);
  return {
    write: (line) => writeAll(fd, line),
    [Symbol.dispose]: () => {
      closeSync(fd);
    },
  };
}

/** Undefined when there is no such path. Never made here: a missing sink must not become a silent one. */
async function openWhenFree(path: string): Promise<number | undefined> {
  const deadline = performance.now() + OPEN_TIMEOUT_MS;
  for (;;) {
    try {
      return openSync(path, constants.O_WRONLY | constants.O_APPEND | constants.O_NOCTTY | constants.O_NONBLOCK);
    } catch (cause) {
      if (errnoOf(cause) === 'ENOENT') return undefined;
      if (errnoOf(cause) !== 'EBUSY' || performance.now() > deadline) throw unavailable(path, cause);
    }
    await sleep(RETRY_MS);
  }
}

async function writeAll(fd: number, line: Buffer): Promise<void> {
  const deadline = performance.now() + WRITE_TIMEOUT_MS;
  for (let written = 0; written < line.length;) {
    try {
      written += writeSync(fd, line, written);
      continue;
    } catch (cause) {
      if (errnoOf(cause) !== 'EAGAIN' || performance.now() > deadline) throw unavailable('the audit sink', cause);
    }
    await sleep(RETRY_MS);
  }
}

function unavailable(what: string, cause: unknown): AuditUnavailable {
  const got = errnoOf(cause) ?? 'an error';
  return new AuditUnavailable(`expected ${what} to take a record, got ${got}; look at who reads it`, { cause });
}

import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, constants, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { Descriptor } from '../files/descriptor.ts';

/** A cold start of a small program under emulation takes a fraction of this. */
const MKFIFO_TIMEOUT_MS = 10_000;

/**
 * Makes where a script writes: a FIFO, since Node would give it a socket, and on a socket `> /dev/stderr` fails (open(2), ENXIO).
 * The script's user may write to it, also by opening it again; nobody but root may read it.
 */
export function makeFifo(path: string, writer: number): void {
  rmSync(path, { force: true });
  const made = spawnSync('/usr/bin/mkfifo', [path], { env: {}, timeout: MKFIFO_TIMEOUT_MS, stdio: 'ignore' });
  if (made.status !== 0) {
    const got = String(made.error?.message ?? made.status ?? made.signal);
    throw new Error(`expected mkfifo to make ${path}, got ${got}; the image lacks coreutils, or /run is full`);
  }
  chownSync(path, writer, 0);
  chmodSync(path, 0o200);
}

/** Both ends of a FIFO, while one script runs. */
export class Pipe implements Disposable {
  readonly reader: Socket;
  readonly writer: Descriptor;

  /** The reader comes first: opening a writer waits for one. */
  constructor(path: string) {
    const { fd } = Descriptor.open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    this.reader = new Socket({ fd, readable: true, writable: false });
    this.writer = Descriptor.open(path, constants.O_WRONLY);
  }

  [Symbol.dispose](): void {
    this.writer[Symbol.dispose]();
    this.reader.destroy();
  }
}

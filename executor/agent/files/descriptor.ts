import { closeSync, fstatSync, openSync, readlinkSync, type Stats } from 'node:fs';

/** An open file that closes itself at the end of its scope. */
export class Descriptor implements Disposable {
  readonly fd: number;
  #open = true;

  constructor(fd: number) {
    this.fd = fd;
  }

  static open(path: string | Buffer, flags: number, mode?: number): Descriptor {
    return new Descriptor(openSync(path, flags, mode));
  }

  /** The same file by way of the kernel, whatever its name is by now. */
  get link(): string {
    return `/proc/self/fd/${this.fd}`;
  }

  /** Where the kernel says this is. */
  get path(): string {
    return readlinkSync(this.link);
  }

  stat(): Stats {
    return fstatSync(this.fd);
  }

  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.fd);
  }
}

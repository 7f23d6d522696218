import { createReadStream } from 'node:fs';
import { open, readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Readable } from 'node:stream';

/** Something that must not be found, under a name for people. */
export type Secrets = Readonly<Record<string, Buffer>>;

/** Which secret was found where. */
export interface Found {
  readonly secret: string;
  readonly where: string;
}

/** Looks for secrets in whatever form they may have got out: raw, hex, base64 at any offset, as UTF-16, as a list of numbers. */
export class Search {
  readonly #byPrefix = new Map<number, { readonly name: string; readonly needle: Buffer }[]>();
  readonly #mayStart = new Uint8Array(65_536);
  #longest = 0;

  constructor(secrets: Secrets) {
    for (const [name, bytes] of Object.entries(secrets)) {
      if (bytes.length < SHORTEST) throw new Error(`expected ${name} to be long enough to be told from chance`);
      for (const needle of formsOf(bytes)) this.#add(name, needle);
    }
  }

  #add(name: string, needle: Buffer): void {
    const prefix = needle.readUInt32BE();
    this.#byPrefix.set(prefix, [...(this.#byPrefix.get(prefix) ?? []), { name, needle }]);
    this.#mayStart[prefix >>> 16] = 1;
    this.#longest = Math.max(this.#longest, needle.length);
  }

  /** Names of the secrets in there. */
  in(bytes: Buffer | string): Set<string> {
    const haystack = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
    const found = new Set<string>();
    const mayStart = this.#mayStart;
    let two = haystack[0] ?? 0;
    for (let at = 0; at < haystack.length - 3; at += 1) {
      two = ((two << 8) | (haystack[at + 1] as number)) & 0xffff;
      if (mayStart[two] === 0) continue;
      for (const { name, needle } of this.#byPrefix.get(haystack.readUInt32BE(at)) ?? [])
        if (haystack.subarray(at, at + needle.length).equals(needle)) found.add(name);
    }
    return found;
  }

  /** The same for what comes in pieces. */
  async inStream(stream: Readable | AsyncIterable<Buffer>): Promise<Set<string>> {
    const found = new Set<string>();
    let rest = Buffer.alloc(0);
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      const piece = Buffer.concat([rest, chunk]);
      for (const name of this.in(piece)) found.add(name);
      rest = piece.subarray(-this.#longest);
    }
    return found;
  }

  /** In every file of a folder, links not followed; `where` is relative to it. Files that go away meanwhile hold nothing. */
  async inFolder(folder: string, isWanted: (path: string) => Promise<boolean> = () => Promise.resolve(true)) {
    const found: Found[] = [];
    const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
    for (const entry of entries.filter((one) => one.isFile())) {
      const path = join(entry.parentPath, entry.name);
      if (!(await isWanted(path))) continue;
      const names = await this.inStream(createReadStream(path, { highWaterMark: CHUNK })).catch(
        () => new Set<string>(),
      );
      for (const secret of names) found.push({ secret, where: relative(folder, path) });
    }
    return found;
  }
}

/** Shorter ones turn up by chance. */
const SHORTEST = 16;
const CHUNK = 4 * 1024 * 1024;
const PIECE = 1024 * 1024;
const UNTOUCHED = Buffer.alloc(PIECE);

function formsOf(bytes: Buffer): readonly Buffer[] {
  const texts = [bytes.toString('hex'), bytes.toString('hex').toUpperCase(), [...bytes].join(',')];
  for (const lead of [0, 1, 2]) {
    const text = Buffer.concat([Buffer.alloc(lead), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    // The first and the last characters depend on what stands beside it.
    const inner = text.slice(lead === 0 ? 0 : lead + 1, -1);
    texts.push(inner, inner.replaceAll('+', '-').replaceAll('/', '_'));
  }
  const wide = Buffer.from(bytes.toString('latin1'), 'utf16le');
  return [bytes, wide, ...[...new Set(texts)].map((text) => Buffer.from(text))];
}

/** What is mapped into a process and can be read, in pieces; the caller must be allowed to (ptrace(2)). */
export async function* memoryOf(pid: number): AsyncGenerator<Buffer> {
  await using memory = await open(`/proc/${pid}/mem`);
  for (const line of (await readFile(`/proc/${pid}/maps`, 'utf8')).split('\n')) {
    const [, from = '0', to = '0'] = /^([0-9a-f]+)-([0-9a-f]+) r/.exec(line) ?? [];
    for (let at = BigInt(`0x${from}`); at < BigInt(`0x${to}`); at += BigInt(PIECE)) {
      const length = Math.min(PIECE, Number(BigInt(`0x${to}`) - at));
      const read = await memory.read(Buffer.alloc(length), 0, length, at).catch(() => undefined);
      const piece = read?.buffer.subarray(0, read.bytesRead);
      // Most of a guest's memory was never touched.
      if (piece?.equals(UNTOUCHED.subarray(0, piece.length)) === false) yield piece;
    }
  }
}

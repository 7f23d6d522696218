import { createHash, randomBytes } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CONTRACTS, FETCH_MAX_BYTES } from '../../protocol/index.ts';
import { makeSandbox, type TestSandbox } from '../../testing/sandbox.ts';
import { run } from '../actions/inspect_file.ts';
import { failureOf } from '../failure.ts';
import { kindOf } from './magic.ts';
import { StringFinder } from './strings.ts';

let sandbox: TestSandbox;
let job: string;
beforeEach(() => {
  sandbox = makeSandbox();
  job = join(sandbox.folder, 'work/job');
});
afterEach(() => {
  sandbox[Symbol.dispose]();
});

const inspect = async (name: string, changed = {}, signal = new AbortController().signal) => {
  const args = { path: `/work/job/${name}`, max_bytes: FETCH_MAX_BYTES, max_strings: 10, min_chars: 6, ...changed };
  return CONTRACTS.inspect_file.result.parse(await run(args, { guest: sandbox.guest, endsAt: 0, signal }));
};
const codeOf = async (name: string, changed = {}) =>
  failureOf(await inspect(name, changed).catch((error: unknown) => error)).code;

describe('inspect_file', () => {
  it('tells type, size, digests and strings of a program, and does not run it', async () => {
    const bytes = readFileSync('/bin/true');
    writeFileSync(join(job, 'true'), bytes);
    chmodSync(join(job, 'true'), 0o750);
    const told = await inspect('true');
    const digest = (name: string): string => createHash(name).update(bytes).digest('hex');
    expect(told).toMatchObject({ type: 'elf', bytes: bytes.length, mode: '0750', uid: process.getuid?.() });
    expect(told.detail).toMatch(/^64-bit (shared object|executable) for (x86-64|aarch64)$/);
    expect([told.md5, told.sha1, told.sha256]).toEqual(['md5', 'sha1', 'sha256'].map(digest));
    expect(told.strings).toHaveLength(10);
    for (const { offset, text } of told.strings)
      expect(bytes.subarray(offset, offset + text.length).toString('latin1')).toBe(text);
    expect(told.strings_total).toBeGreaterThan(10);
  });

  it('executes nothing: a script that would leave a mark leaves none', async () => {
    writeFileSync(join(job, 'x'), `#!/bin/sh\ntouch ${join(job, 'mark')}\n`, { mode: 0o777 });
    expect(await inspect('x')).toMatchObject({ type: 'script', detail: '/bin/sh' });
    expect(readdirSync(job)).toEqual(['x']);
  });

  it('tells packed from plain by entropy', async () => {
    writeFileSync(join(job, 'plain'), 'aaaabbbb'.repeat(1000));
    writeFileSync(join(job, 'packed'), randomBytes(60_000));
    writeFileSync(join(job, 'empty'), '');
    expect((await inspect('plain')).entropy_millibits).toBe(1000);
    expect((await inspect('packed')).entropy_millibits).toBeGreaterThan(7900);
    expect(await inspect('empty')).toMatchObject({ type: 'empty', bytes: 0, entropy_millibits: 0, strings: [] });
  });

  it('refuses links, folders, second names, and files over the limit, those that grow meanwhile too', async () => {
    writeFileSync(join(job, 'a'), 'x'.repeat(100));
    symlinkSync('a', join(job, 'link'));
    mkdirSync(join(job, 'folder'));
    expect(await codeOf('link')).toBe('IS_A_LINK');
    expect(await codeOf('folder')).toBe('NOT_A_FILE');
    expect(await codeOf('a', { max_bytes: 99 })).toBe('TOO_LARGE');
    linkSync(join(job, 'a'), join(job, 'second'));
    expect(await codeOf('a')).toBe('HAS_OTHER_NAMES');
    writeFileSync(join(job, 'grows'), Buffer.alloc(1024 * 1024));
    const growing = codeOf('grows', { max_bytes: 1024 * 1024 });
    appendFileSync(join(job, 'grows'), Buffer.alloc(4 * 1024 * 1024));
    expect(await growing).toBe('TOO_LARGE');
  });

  it('stops with the session, in the middle of a large file', async () => {
    writeFileSync(join(job, 'large'), '');
    truncateSync(join(job, 'large'), FETCH_MAX_BYTES);
    const stop = new AbortController();
    const asked = inspect('large', {}, stop.signal);
    setImmediate(() => {
      stop.abort(new Error('expired'));
    });
    await expect(asked).rejects.toThrow('expired');
  });
});

describe('kindOf', () => {
  it.each([
    ['gzip', gzipSync('x')],
    ['zip', Buffer.from('PK\x03\x04', 'latin1')],
    ['sqlite', Buffer.from('SQLite format 3\0')],
    ['tar', Buffer.concat([Buffer.alloc(257), Buffer.from('ustar\0')])],
    ['pe', Buffer.from('MZ\x90\0', 'latin1')],
    ['png', Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')],
    ['text', Buffer.from('héllo\n')],
    ['data', Buffer.from([0x68, 0xff, 0x00])],
    ['elf', Buffer.from('\x7fELF', 'latin1')],
    ['script', Buffer.from('#!')],
  ])('knows %s', (type, head) => {
    expect(kindOf(head).type).toBe(type);
  });

  it('has a name for any bytes, and prints nothing of theirs that is not printable', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.constantFrom('', '#!', '\x7fELF'), (bytes, start) => {
        const { type, detail } = kindOf(Buffer.concat([Buffer.from(start, 'latin1'), bytes]));
        expect(type).toMatch(/^[a-z0-9-]+$/);
        expect(detail).toMatch(/^[\x20-\x7e]*$/);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('StringFinder', () => {
  it('finds the same however the bytes arrive, as strings(1) would', () => {
    const bytes = fc.array(fc.constantFrom(0x61, 0x7e, 0x09, 0x00, 0x0a, 0xff), { maxLength: 60 });
    fc.assert(
      fc.property(bytes, fc.integer({ min: 1, max: 9 }), (list, size) => {
        const finder = new StringFinder(100, 3);
        for (let at = 0; at < list.length; at += size) finder.add(Buffer.from(list.slice(at, at + size)));
        finder.finish();
        const whole = Buffer.from(list).toString('latin1');
        const expected = [...whole.matchAll(/[\t\x20-\x7e]{3,}/g)].map(({ 0: text, index }) => ({
          offset: index,
          text,
          truncated: false,
        }));
        expect(finder.found).toEqual(expected);
      }),
    );
  });

  it('keeps memory bounded: the start of a run without end, and the first of very many', () => {
    const finder = new StringFinder(3, 4);
    for (let part = 0; part < 100; part++) finder.add(Buffer.alloc(100_000, 'x'));
    finder.add(Buffer.from('\0word'.repeat(10_000)));
    finder.finish();
    expect(finder.total).toBe(10_001);
    expect(finder.found.map(({ text, truncated }) => [text.length, truncated])).toEqual([
      [256, true],
      [4, false],
      [4, false],
    ]);
  });
});

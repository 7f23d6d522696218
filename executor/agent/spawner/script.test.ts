import { createHash } from 'node:crypto';
import { readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FILE_MAX_BYTES } from '../../protocol/index.ts';
import { makeSandbox, type TestSandbox } from '../../testing/sandbox.ts';
import { failureOf } from '../failure.ts';
import { checkScript } from './script.ts';

let sandbox: TestSandbox;
beforeEach(() => {
  sandbox = makeSandbox();
});
afterEach(() => {
  sandbox[Symbol.dispose]();
});

/** Uploads content under its digest and says what checking it gives. */
function check(content: string | Buffer): string {
  const sha256 = createHash('sha256').update(content).digest('hex');
  writeFileSync(join(sandbox.folder, 'work/in', sha256), content);
  return checked(sha256);
}

function checked(sha256: string): string {
  try {
    checkScript(sandbox.folder, sha256);
    return 'ok';
  } catch (error) {
    return failureOf(error).code;
  }
}

describe('checkScript', () => {
  it.each(['#!/bin/sh\n', '#! /usr/bin/env -S python3 -u\nprint()\n', '#!\t/bin/sh -e\n'])('takes %j', (content) => {
    expect(check(content)).toBe('ok');
  });

  it('takes a program for this machine', () => {
    expect(check(readFileSync('/bin/true'))).toBe('ok');
  });

  it.each([
    ['nothing', ''],
    ['no first line', 'echo hello\n'],
    ['a relative interpreter', '#!sh\n'],
    ['an interpreter without a name', '#! \n'],
    ['a first line that never ends', `#!/bin/${'x'.repeat(300)}\n`],
    ['a line that ends in NUL', '#!/bin/sh\0\n'],
    ['half an ELF header', '\x7fELF\x02'],
    ['a 32-bit program', Buffer.concat([Buffer.from('\x7fELF\x01', 'latin1'), Buffer.alloc(13), Buffer.from([3, 0])])],
    [
      'a program for another machine',
      Buffer.concat([Buffer.from('\x7fELF\x02', 'latin1'), Buffer.alloc(13), Buffer.from([8, 0])]),
    ],
    ['a byte order mark', '\ufeff#!/bin/sh\n'],
  ])('refuses %s', (_name, content) => {
    expect(check(content)).toBe('NOT_EXECUTABLE');
  });

  it('refuses content that is not what its name says', () => {
    writeFileSync(join(sandbox.folder, 'work/in', 'ab'.repeat(32)), '#!/bin/sh\n');
    expect(checked('ab'.repeat(32))).toBe('DIGEST_MISMATCH');
  });

  it('refuses a link, what is missing, and what is too large', () => {
    symlinkSync('/bin/true', join(sandbox.folder, 'work/in', 'ab'.repeat(32)));
    expect(checked('ab'.repeat(32))).toBe('IS_A_LINK');
    expect(checked('cd'.repeat(32))).toBe('NOT_FOUND');
    const large = join(sandbox.folder, 'work/in', 'ef'.repeat(32));
    writeFileSync(large, '');
    truncateSync(large, FILE_MAX_BYTES + 1);
    expect(checked('ef'.repeat(32))).toBe('TOO_LARGE');
  });
});

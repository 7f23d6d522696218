import { createHash } from 'node:crypto';
import { mkdtemp, open, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readPlain, scan } from './scan.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'burnbag-scan-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function scanBytes(content: Buffer) {
  const file = join(dir, 'file');
  await writeFile(file, content);
  const lines: (string | undefined)[] = [];
  const pieces: Buffer[] = [];
  const listener = {
    onLine: (line: Buffer | undefined) => lines.push(line?.toString('latin1')),
    onPiece: (piece: Buffer) => pieces.push(Buffer.from(piece)),
  };
  const found = await readPlain(file, (handle) => scan(handle, listener));
  expect(Buffer.concat(pieces).equals(content)).toBe(true);
  return { ...found, seen: lines };
}

test('hashes, counts and cuts lines as they are, wherever pieces end', async () => {
  const text = fc.array(fc.constantFrom('a', '\n', 'bcd', ''), { maxLength: 40 }).map((parts) => parts.join(''));
  const pad = fc.constantFrom(0, 1024 * 1024 - 3, 1024 * 1024, 2 * 1024 * 1024 - 1);
  await fc.assert(
    fc.asyncProperty(text, pad, async (end, padding) => {
      const whole = 'x'.repeat(padding) + end;
      const found = await scanBytes(Buffer.from(whole));
      const lines = whole.split('\n').slice(0, -1);
      expect(found).toEqual({
        bytes: whole.length,
        sha256: createHash('sha256').update(whole).digest('hex'),
        lines: lines.length,
        endsWithNewline: whole === '' || whole.endsWith('\n'),
        seen: lines,
      });
    }),
    { numRuns: 60 },
  );
});

test('does not keep a line without end in memory', async () => {
  const endless = Buffer.concat([Buffer.alloc(17 * 1024 * 1024, 'x'), Buffer.from('\nshort\n')]);
  expect(await scanBytes(endless)).toMatchObject({ lines: 2, seen: [undefined, 'short'] });
});

test('stops where the file ended when it began, however fast somebody writes', async () => {
  const file = join(dir, 'growing');
  await writeFile(file, 'x'.repeat(3 * 1024 * 1024));
  await using writer = await open(file, 'a');
  const found = await readPlain(file, async (handle) => {
    const scanning = scan(handle, { onLine: () => undefined });
    await writer.write('y'.repeat(1024));
    return scanning;
  });
  expect(found.bytes).toBe(3 * 1024 * 1024);
});

test('opens no link', async () => {
  await symlink('/etc/passwd', join(dir, 'link'));
  await expect(readPlain(join(dir, 'link'), scan)).rejects.toMatchObject({ code: 'ELOOP' });
});

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');

/** One promise: its number, the test file it names, the title in it. */
const PROMISES = readFileSync(join(ROOT, 'SPECIFICATION.md'), 'utf8')
  .split('\n')
  .flatMap((line) => {
    const [, number, , where] = /^\| ([A-Z][0-9]+) \| (.+?) \| (.+) \|$/.exec(line) ?? [];
    const [, file, title] = /^`([^`]+)` › (.+)$/.exec(where ?? '') ?? [];
    return number === undefined ? [] : [{ number, file: file ?? '', title: title ?? '' }];
  });

test('the specification has promises, and no number twice', () => {
  expect(PROMISES.length).toBeGreaterThan(30);
  expect(new Set(PROMISES.map(({ number }) => number)).size).toBe(PROMISES.length);
});

test.each(PROMISES)('promise $number names a test that exists', ({ file, title }) => {
  expect(file).toMatch(/^[a-z/-]+\.test\.ts$/);
  expect(title.length).toBeGreaterThan(5);
  expect(readFileSync(join(ROOT, file), 'utf8')).toContain(title);
});

test('every top-level folder says in one screen what it is', () => {
  const folders = readdirSync(ROOT).filter(
    (name) => !/^(\.|node_modules$|dist$)/.test(name) && statSync(join(ROOT, name)).isDirectory(),
  );
  for (const folder of folders)
    expect(readFileSync(join(ROOT, folder, 'README.md'), 'utf8').split('\n').length, folder).toBeLessThan(60);
});

test('docs/cli.md lists every exit code as it is', async () => {
  const { EXIT_CODES } = await import('../orchestrator/doors/cli/exit-codes.ts');
  const text = readFileSync(join(ROOT, 'docs', 'cli.md'), 'utf8');
  for (const [name, { code, why }] of Object.entries(EXIT_CODES))
    expect(text).toContain(`| ${code} | \`${name}\` | ${why} |`);
});

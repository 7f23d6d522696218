import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { call, execute, fork, hex, stream } from './audit-records-for-tests.ts';
import { displayWidth } from '../terminal/index.ts';
import { buildReport, renderOutput, renderReport, summarizeReport } from './index.ts';

const habits = readFileSync(new URL('./fixtures/habits.audit', import.meta.url));
const of = (audit: Uint8Array) => buildReport({ runId: '0123456789ab', audit, scripts: [] });
const plain = { width: 100, color: false } as const;

test('a report reads as a tree with what each process tried', () => {
  const [script] = of(habits).processes[0]?.programs[0]?.argv[1]?.split('/').slice(-1) ?? [];
  const lines = renderReport(of(habits), { ...plain, labels: { [String(script)]: 'habits.sh' } });
  expect(lines.slice(0, 3)).toEqual(['What it did', "  bash habits.sh one 'two words'", '  ├─ mkdir -p tree/sub']);
  expect(lines).toContain('  │  └─ → 198.51.100.7:80  no route out (ENETUNREACH)');
  expect(lines).toContain('  │  └─ ✗ ./no-such-program: no such program (ENOENT)');
  expect(lines).toContain('  └─ bash -c \'exec -a "[kworker/0:1]" /bin/sleep 2\' ⇒ [kworker/0:1] 2 [/usr/bin/sleep]');
  expect(lines).toContain('  ~ /work/job/b  renamed from /work/job/a, mode changed');
  expect(lines).toContain('  + /work/job/evil\\n\\x1b[2J\\xff  created');
  expect(lines).toContain('  ✗ /etc/passwd  EROFS (openat)');
});

test('the whole in one line', () => {
  expect(summarizeReport(of(habits))).toBe(
    '26 processes · 12 files written · 5 connections tried, 0 possible, 2 undecided',
  );
  expect(summarizeReport(of(stream(execute(1, 2, 'sh'))))).toBe(
    '1 process · 0 files written · 0 connections tried, 0 possible',
  );
});

test('an empty report is no lines', () => {
  expect(renderReport(of(new Uint8Array()), plain)).toEqual([]);
});

test('equal lines next to each other become one', () => {
  const sleeps = Array.from({ length: 9 }, (_, n) => execute(200 + n, 100, '/bin/sleep', '1'));
  expect(renderReport(of(stream(execute(100, 7, '/bin/sh'), ...sleeps)), plain)).toEqual([
    'What it did',
    '  sh',
    '  └─ sleep 1 ×9',
  ]);
});

test('a deep tree stays readable, a large one is cut and says so', () => {
  const chain = Array.from({ length: 3_000 }, (_, n) => [
    fork(100 + n, 99 + n, 101 + n),
    execute(101 + n, 100 + n, '/bin/sh'),
  ]).flat();
  const lines = renderReport(of(stream(...chain)), plain);
  expect(lines.length).toBeLessThan(150);
  expect(lines.at(-1)).toContain('and more');
  expect(lines[60]).toMatch(/sh$/);
});

/** Everything a script can choose: arguments, paths, names of programs, socket paths. */
const hostile = fc.string({
  unit: fc.oneof(
    fc.constantFrom('\u001b[2J', '\u009b', '\n', '\r', '\u202e', '\u200b', '日', '\u0301', 'a', '/'),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  ),
  minLength: 1,
  maxLength: 30,
});

test('nothing a script chose reaches the terminal as a command, and no line is wider than asked', () => {
  fc.assert(
    fc.property(hostile, hostile, fc.integer({ min: 20, max: 120 }), fc.boolean(), (first, second, width, color) => {
      const report = of(
        stream(
          execute(100, 7, first, second),
          [call(59, 100, 7, { success: 'no', exit: -2 }), `PATH item=0 name=${hex(second)} nametype=UNKNOWN`],
          [call(42, 100, 7), `SOCKADDR saddr=0100${hex(first)}`],
          [
            call(257, 100, 7, { key: '"write"' }),
            `CWD cwd=${hex(first)}`,
            `PATH item=0 name=${hex(second)} nametype=CREATE`,
          ],
          [
            call(257, 100, 7, { success: 'no', exit: -13, key: '"denied"' }),
            'CWD cwd="/"',
            `PATH item=0 name=${hex(first)} nametype=NORMAL`,
          ],
        ),
      );
      for (const line of renderReport(report, { width, color, labels: {} })) {
        // Our own colours are the only escape sequences.
        const text = color ? line.replace(/\u001b\[(?:0|1|2|31)m/g, '') : line;
        expect(text).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
        expect(displayWidth(text)).toBeLessThanOrEqual(width);
      }
    }),
    { numRuns: 150 },
  );
});

test('output is shown line by line, escaped, cut, and says what is missing', () => {
  const output = {
    encoding: 'utf8',
    data: 'one\n\u001b[2Jtwo\nthree\n',
    bytes: 17,
    sha256: 'a'.repeat(64),
    truncated: false,
  } as const;
  expect(renderOutput(output, { width: 80, maxLines: 9 })).toEqual(['one', '\\x1b[2Jtwo', 'three']);
  expect(renderOutput(output, { width: 80, maxLines: 1 })).toEqual([
    'one',
    '… 17 bytes in all; the rest is in the evidence',
  ]);
  expect(renderOutput({ ...output, truncated: true }, { width: 80, maxLines: 9 })).toHaveLength(4);
  expect(
    renderOutput(
      { ...output, encoding: 'base64', data: Buffer.from('a\xff', 'latin1').toString('base64') },
      { width: 80, maxLines: 9 },
    ),
  ).toEqual(['a\\xff']);
  expect(renderOutput({ ...output, data: '' }, { width: 80, maxLines: 9 })).toEqual([]);
});

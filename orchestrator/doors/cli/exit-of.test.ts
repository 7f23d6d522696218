import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { EXIT_CODES } from './exit-codes.ts';
import { exitOfError, exitOfRun } from './exit-of.ts';

const ROOT = join(import.meta.dirname, '../../..');

/** Unions of codes whose errors never reach a caller, and who puts them in other words. */
const TRANSLATED = new Map([
  ['EngineErrorCode', 'infra/pulumi'],
  ['PulumiErrorCode', 'infra/local'],
  ['ImageErrorCode', 'orchestrator/setup'],
  ['WireErrorCode', 'infra/local/wire: the relay sees a socket that closed'],
]);

const explained = (code: string) => ({ code, expected: '', got: '', hint: '' });

describe('the exit of an error', () => {
  test.each([
    ['bad_argument', 64],
    ['no_object_lock', 78],
    ['home_busy', 75],
    ['no_qemu', 69],
    ['no_space', 73],
    ['journal_full', 73],
    ['run_not_found', 66],
    ['refused_by_policy', 77],
    ['cancelled', 4],
  ])('%s is %d', (code, exit) => {
    expect(exitOfError(explained(code))).toBe(exit);
  });

  test.each(['ENOENT', 'toString', '__proto__', ''])('of a foreign code (%j) is that of a defect', (code) => {
    expect(exitOfError(explained(code))).toBe(EXIT_CODES.internal.code);
  });

  // That every code of these unions has a row, the compiler says; here, that no union was forgotten.
  test('is known for every union of codes there is', () => {
    const source = readFileSync(join(import.meta.dirname, 'exit-of.ts'), 'utf8');
    const unions = ['orchestrator', 'infra', 'images'].flatMap((folder) => unionsBelow(join(ROOT, folder)));
    expect(unions.length).toBeGreaterThanOrEqual(12);
    for (const union of unions.filter((name) => !TRANSLATED.has(name))) expect(source).toContain(`  | ${union}`);
  });
});

describe('the exit of a run', () => {
  const run = { state: 'destroyed', outcome: 'failed', result: null } as unknown as Parameters<typeof exitOfRun>[0];
  const ended = (changes: object, codes: string[] = [], answers: object[] = []) =>
    exitOfRun({ ...run, ...changes, result: { failures: codes.map(explained), answers } as never });

  test.each([
    ['a script that failed', ended({}, [], [{ status: 'ok' }]), 1],
    ['a connection that was lost in the middle', ended({}, ['closed'], [{ status: 'ok' }]), 1],
    ['a VM that did not boot', ended({}, ['boot_timeout']), 69],
    ['a scratch disk without space', ended({}, ['no_space']), 73],
    ['a run that policy refused', ended({ state: 'refused', outcome: null }, ['refused_by_policy']), 77],
    ['a run that had no archive', ended({ state: 'refused', outcome: null }, ['unreachable']), 69],
    ['a run that was stopped before it began', ended({ state: 'refused', outcome: null }, ['cancelled']), 4],
    ['a run that was stopped', ended({ outcome: 'cancelled' }, ['closed']), 4],
    ['a run that reached its deadline', ended({ outcome: 'timed_out' }), 3],
    ['a run that a crash cut off', ended({ outcome: 'interrupted' }), 5],
    ['a run that succeeded, whatever its archive did', ended({ outcome: 'succeeded' }, ['unreachable']), 0],
    ['a sandbox that is not proven gone, whatever else', ended({ state: 'quarantined', outcome: 'succeeded' }), 80],
  ])('%s', (_what, exit, expected) => {
    expect(exit).toBe(expected);
  });
});

function unionsBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) => [...readFileSync(join(folder, name), 'utf8').matchAll(/^export type (\w+ErrorCode)\b/gm)])
    .map(([, union]) => union ?? '');
}

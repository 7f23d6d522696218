import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/** Node marks the first few descriptors that it is born with by itself, up to the first gap. */
const FD = 40;

/** What a child of a program has open that was born with this descriptor, and does `before` first. */
function openInChild(before: string): readonly string[] {
  const code = `${before}; require('node:child_process').spawnSync('/bin/ls', ['/proc/self/fd'], { stdio: 'inherit' })`;
  const file = openSync('/dev/null', 'r');
  try {
    const stdio = ['ignore', 'pipe', 'inherit', ...Array<'ignore'>(FD - 3).fill('ignore'), file] as const;
    const { stdout } = spawnSync(process.execPath, ['-e', code], { env: {}, stdio: [...stdio], timeout: 30_000 });
    return stdout.toString().trim().split('\n');
  } finally {
    closeSync(file);
  }
}

test('what this process was born with reaches no child of it', () => {
  const module = JSON.stringify(join(import.meta.dirname, 'close-inherited.ts'));
  expect(openInChild(`require(${module}).closeInherited()`)).not.toContain(String(FD));
});

test('control: without that it does', () => {
  expect(openInChild('')).toContain(String(FD));
});

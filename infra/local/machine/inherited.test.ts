import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { withoutInherited } from './inherited.ts';

/** Starts a process that was born with descriptor 200 open, and lets it start `ls` with or without our care. */
async function namesSeenBy(code: string): Promise<string> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit', ...Array.from({ length: 197 }, () => 'ignore' as const), 'pipe'],
  });
  return (await buffer(child.stdout as NodeJS.ReadableStream)).toString();
}

const MODULE = JSON.stringify(join(import.meta.dirname, 'inherited.ts'));
const list = (stdio: string): string => `
  import { spawnSync } from 'node:child_process';
  import { openSync } from 'node:fs';
  import { withoutInherited } from ${MODULE};
  const nothing = openSync('/dev/null');
  process.stdout.write(spawnSync('/bin/ls', ['-l', '/proc/self/fd'], { stdio: ${stdio} }).stdout);`;

test('a descriptor that we were born with does not reach a child; control: without care it does', async () => {
  expect(await namesSeenBy(list("withoutInherited(['ignore', 'pipe', 'inherit'], nothing)"))).toMatch(
    / 200 -> \/dev\/null$/m,
  );
  expect(await namesSeenBy(list("['ignore', 'pipe', 'inherit']"))).toMatch(/ 200 -> socket:/m);
});

test('what a child is meant to have keeps its place', () => {
  expect(withoutInherited(['ignore', 7, 'pipe'], 5).slice(0, 3)).toEqual(['ignore', 7, 'pipe']);
});

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runStep, type StepOptions } from './step.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'burnbag-step-'));
});
afterAll(() => rm(folder, { recursive: true }));

const said: string[] = [];

async function run(script: string, options: Partial<StepOptions> = {}): Promise<void> {
  const path = join(folder, 'step.sh');
  await writeFile(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  await runStep(path, ['one'], {
    env: { PATH: '/usr/bin:/bin', KNOWN: 'yes' },
    deadlineSeconds: 10,
    onProgress: (what) => said.push(what),
    ...options,
  });
}

test('passes progress on and gives the script its own environment only', async () => {
  await run('echo "step: packages" >&2; [ "$1$KNOWN${HOME:-}" = oneyes ]');
  expect(said).toEqual(['packages']);
});

test('a failing script is an error that carries what it said', async () => {
  await expect(run('echo no space left >&2; exit 3')).rejects.toMatchObject({
    code: 'step_failed',
    got: 'exit 3: no space left',
  });
});

test('a script that cannot be started is an error', async () => {
  await expect(
    runStep(join(folder, 'absent'), [], { env: {}, deadlineSeconds: 1, onProgress: () => undefined }),
  ).rejects.toMatchObject({ code: 'step_failed' });
});

test('the deadline ends the script and what it started', async () => {
  const started = performance.now();
  await expect(run('sleep 30 & sleep 30', { deadlineSeconds: 0.2 })).rejects.toMatchObject({ code: 'deadline_passed' });
  expect(performance.now() - started).toBeLessThan(5000);
});

test('a request to stop ends it too', async () => {
  await expect(run('sleep 30', { signal: AbortSignal.timeout(100) })).rejects.toMatchObject({ code: 'cancelled' });
  await expect(run('true', { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'cancelled' });
});

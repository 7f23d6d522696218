import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from './programs.ts';

test('a task that cannot be prepared for says why, and ends with 69', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'burnbag-lock-image-'));
  try {
    await writeFile(join(folder, 'file'), '');
    const ended = await new Promise<{ code: unknown; stderr: string }>((resolve) => {
      const env = { PATH: process.env['PATH'], BURNBAG_HOME: join(folder, 'file/home') };
      execFile(
        process.execPath,
        ['tools/dev.ts', 'lock-image'],
        { cwd: ROOT, env, timeout: 60_000 },
        (error, _, stderr) => {
          resolve({ code: error?.code, stderr });
        },
      );
    });
    expect(ended.code).toBe(69);
    expect(ended.stderr).toMatch(/the image was not locked: expected .* got .*ENOTDIR.*\n {2}set BURNBAG_HOME/);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 90_000);

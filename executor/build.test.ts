import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { AGENT_VERSION } from './agent/version.ts';
import { buildAgent } from './build.ts';

const folder = mkdtempSync(join(tmpdir(), 'burnbag-build-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('buildAgent', () => {
  it('gives the same bytes twice, wherever it is built, and they run', { timeout: 120_000 }, async () => {
    const first = await buildAgent({ outFile: join(folder, 'a', 'agent-exec'), workDir: join(folder, 'work') });
    const second = await buildAgent({
      outFile: join(folder, 'b', 'other-name'),
      workDir: join(folder, 'deeper', 'work'),
    });
    expect(second.sha256).toBe(first.sha256);
    const run = (...args: string[]): ReturnType<typeof spawnSync> =>
      spawnSync(first.file, args, {
        env: { NODE_OPTIONS: '--version' },
        input: '',
        timeout: 20_000,
      });
    // Neither root without `spawner` nor a user of this host has a mode; and nothing in environment or arguments is Node's any more.
    for (const args of [[], ['-c', 'id'], ['--version'], ['-e', 'process.exit(1)'], ['spawner', '-x']]) {
      expect(run(...args).status).toBe(64);
    }
  });

  it('has the version of the package', () => {
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '..', 'package.json'), 'utf8')) as {
      version: string;
    };
    expect(AGENT_VERSION).toBe(version);
  });
});

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadConfiguration } from './configuration.ts';

let home = '';
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'burnbag-configuration-'));
});
afterEach(() => rm(home, { recursive: true }));

test('without a file the defaults are the safe ones', async () => {
  expect(await loadConfiguration(home)).toEqual({
    driver: 'local',
    engine: 'embedded',
    refuse_emulated: false,
    limits: {
      runs: 2 * availableParallelism(),
      memory_mib: Math.floor(totalmem() / 2 / 1024 / 1024),
      waiting: 100,
    },
    archive: {
      region: 'us-east-1',
      bucket: 'burnbag-evidence',
      mode: 'COMPLIANCE',
      retention_days: 30,
      require: 'strict',
    },
  });
});

test.each([
  ['no JSON', '{'],
  ['an unknown field', '{"enginee":"cli"}'],
  ['an unknown nested field', '{"archive":{"buckett":"x"}}'],
  ['a wrong type', '{"refuse_emulated":"yes"}'],
  ['a retention of nothing', '{"archive":{"retention_days":0}}'],
])('%s is refused by name', async (_what, text) => {
  await writeFile(join(home, 'config.json'), text);
  await expect(loadConfiguration(home)).rejects.toMatchObject({ code: 'bad_configuration' });
});

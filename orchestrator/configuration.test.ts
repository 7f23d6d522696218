import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadConfiguration } from './configuration.ts';

const AWS = {
  ...{ region: 'eu-central-1', account_id: '123456789012', installation_id: 'one', vpc_id: 'vpc-1' },
  ...{ subnets: ['subnet-1'], relay_address: '10.84.0.10' },
};

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
    refuse_swap: false,
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
      spool_mib: 4096,
    },
  });
});

test.each([
  ['no JSON', '{'],
  ['an unknown field', '{"enginee":"cli"}'],
  ['an unknown nested field', '{"archive":{"buckett":"x"}}'],
  ['a wrong type', '{"refuse_emulated":"yes"}'],
  [
    'state in S3 with the embedded engine',
    JSON.stringify({ driver: 'aws', engine: 'embedded', aws: { ...AWS, state_url: 's3://state' } }),
  ],
  ['state in S3 for the local driver', JSON.stringify({ aws: { ...AWS, state_url: 's3://state' } })],
  [
    'a state that is no bucket',
    JSON.stringify({ driver: 'aws', aws: { ...AWS, state_url: 'https://app.pulumi.com' } }),
  ],
  ['a retention of nothing', '{"archive":{"retention_days":0}}'],
  ['a retention of a year, said once', '{"archive":{"retention_days":365}}'],
  ['a retention that is confirmed as another', '{"archive":{"retention_days":3650,"confirm_retention_days":365}}'],
])('%s is refused by name', async (_what, text) => {
  await writeFile(join(home, 'config.json'), text);
  await expect(loadConfiguration(home)).rejects.toMatchObject({ code: 'bad_configuration' });
});

test.each([
  ['said twice', '{"archive":{"retention_days":365,"confirm_retention_days":365}}'],
  ['for a rehearsal', '{"archive":{"retention_days":365,"mode":"GOVERNANCE"}}'],
])('a long retention is taken when it is %s', async (_, text) => {
  await writeFile(join(home, 'config.json'), text);
  expect((await loadConfiguration(home)).archive.retention_days).toBe(365);
});

test('state in S3 is taken with the pulumi binary, which is the engine of aws', async () => {
  const state_url = 's3://state/burnbag?region=eu-central-1';
  await writeFile(join(home, 'config.json'), JSON.stringify({ driver: 'aws', aws: { ...AWS, state_url } }));
  expect(await loadConfiguration(home)).toMatchObject({ engine: 'cli', aws: { state_url } });
});

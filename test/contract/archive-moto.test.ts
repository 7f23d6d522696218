import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Archive, openArchive, type ProbeResult } from '../../orchestrator/evidence/index.ts';
import { type Moto, startMoto } from '../support/aws/moto.ts';

/* A store with Object Lock that is not one: moto keeps locks and lets go of them. Nobody made it weak for us. */

let moto: Moto;
let archive: Archive;
let found: ProbeResult;
beforeAll(async () => {
  moto = await startMoto();
  archive = await openArchive({
    endpoint: moto.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    bucket: 'evidence',
    mode: 'COMPLIANCE',
    retentionDays: 1,
    createBucket: true,
  });
  found = await archive.probe();
}, 120_000);
afterAll(async () => {
  await archive[Symbol.asyncDispose]();
  await moto[Symbol.asyncDispose]();
});

describe('the lock probe', () => {
  test('finds moto weaker than strict', () => {
    expect(found.verdict).not.toBe('strict');
  });

  test.each(['shorten', 'shorten_bypass', 'change_mode', 'suspend_versioning', 'wrong_checksum'])(
    'sees that moto lets through: %s',
    (name) => {
      expect(found.checks.find((check) => check.name === name)).toMatchObject({ expected: 'refused', got: 'accepted' });
    },
  );

  test.each(['delete', 'delete_bypass', 'batch_delete'])('sees that moto refuses: %s', (name) => {
    expect(found.checks.find((check) => check.name === name)).toMatchObject({ expected: 'refused', got: 'refused' });
  });
});

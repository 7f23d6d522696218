import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readCustody, recordCustody } from './custody-log.ts';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'burnbag-custody-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

const facts = {
  who: 'alice@desk',
  act: 'exported',
  run_id: '0123456789ab',
  evidence_root: null,
  sha256: null,
  detail: 'ocsf',
} as const;
const fileOf = (seq: number) => join(home, 'custody', `0000000${seq}.json`);

test('numbers and chains what is recorded, also by many at once', async () => {
  await Promise.all(Array.from({ length: 12 }, () => recordCustody(home, facts)));
  const { entries, problem } = await readCustody(home);
  expect(problem).toBeNull();
  expect(entries.map(({ seq }) => seq)).toEqual(Array.from({ length: 12 }, (_, at) => at + 1));
  expect(entries[0]).toMatchObject(facts);
  expect((await readdir(join(home, 'custody'))).length).toBe(12);
});

describe('an entry', () => {
  beforeEach(async () => {
    for (let at = 0; at < 4; at += 1) await recordCustody(home, { ...facts, detail: String(at) });
  });

  test.each([1, 2, 3])('that was changed is found: number %i', async (seq) => {
    const text = await readFile(fileOf(seq), 'utf8');
    await writeFile(fileOf(seq), text.replace('alice', 'mallo'));
    expect((await readCustody(home)).problem).toContain(`expected entry ${seq + 1}`);
  });

  test('that was taken out, doubled or is none is found', async () => {
    const last = await readFile(fileOf(4));
    await writeFile(fileOf(5), last);
    expect((await readCustody(home)).problem).toContain('00000005.json');
    await rm(fileOf(5));
    await rm(fileOf(2));
    expect((await readCustody(home)).problem).toBe('expected 00000002.json, got 00000003.json');
    await writeFile(fileOf(2), '{"seq":2,"seq":2}');
    expect((await readCustody(home)).problem).toContain('00000002.json: expected canonical JSON');
  });

  test('at the end that was taken out shows in the head, for whoever noted it', async () => {
    const { head } = await readCustody(home);
    await rm(fileOf(4));
    const after = await readCustody(home);
    expect(after.problem).toBeNull();
    expect(after.head).not.toBe(head);
  });
});

test('what cannot be recorded is an error, not silence', async () => {
  await mkdir(join(home, 'custody'));
  await writeFile(join(home, 'custody', 'in-the-way'), '');
  await rm(join(home, 'custody'), { recursive: true });
  await writeFile(join(home, 'custody'), 'a file');
  await chmod(home, 0o500);
  await expect(recordCustody(home, facts)).rejects.toMatchObject({ code: 'audit_unavailable' });
  await chmod(home, 0o700);
});

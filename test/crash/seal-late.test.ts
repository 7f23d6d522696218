import { createHash } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canonicalJson } from '../../executor/protocol/index.ts';
import { readCustody, readSpool, readTrustedKeys, verifyBundle } from '../../orchestrator/evidence/index.ts';
import type { Fault } from '../support/crash-plan.ts';
import { type CrashHome, type CrashPlace, openCrashPlace } from './place.ts';

/*
 * The signer of evidence is down while a run ends. Its sandbox is burned all the same; the receipt, by another key, has the digest of the manifest that nobody
 * could sign. It is sealed later: that manifest, over those files, and nothing that came in between; and it says so for ever.
 */

const DOWN: Fault = { step: 'evidence_signed', when: 'before', how: 'EIO', times: 99 };

let place: CrashPlace;
let home: CrashHome;
let runId: string;
beforeAll(async () => {
  place = await openCrashPlace();
  home = await place.newHome();
  const owner = home.start({ do: 'run', fault: DOWN });
  ({ runId } = await owner.said('run'));
  await owner.ended;
}, 120_000);
afterAll(async () => {
  await home[Symbol.asyncDispose]();
  await place[Symbol.asyncDispose]();
});

const file = (name: string) => join(home.home, 'runs', runId, name);

async function cli(argv: readonly string[], fault?: Fault) {
  const started = home.start({ do: 'cli', argv, ...(fault !== undefined && { fault }) });
  const { code } = await started.ended;
  return { code, text: started.output() };
}

const verdict = async () => verifyBundle(join(home.home, 'runs', runId), { trust: await readTrustedKeys(home.home) });

// One story, told in order: each test goes on where the one before left it.
describe('evidence that could not be signed', { timeout: 180_000 }, () => {
  test('is owed, named by the receipt, and verifies for nobody', async () => {
    const root = createHash('sha256')
      .update(await readFile(file('manifest.json')))
      .digest('hex');
    const receipt = JSON.parse(await readFile(file('receipt.json'), 'utf8')) as { predicate: object };
    expect(receipt.predicate).toMatchObject({ evidence_root: root, seal: 'missing', archive_sha256: null });
    expect((await readSpool(home.home)).map(({ run_id }) => run_id)).toEqual([runId]);
    expect((await cli(['evidence', 'ls'])).text).toContain(
      'not sealed · not archived (PENDING: burnbag evidence archive)',
    );
    expect(await verdict()).toMatchObject({ verdict: 'refused', firstFailure: { code: 'seal_files' } });
  });

  test('stays owed while the signer is down, and a command that tries says so', async () => {
    const { code, text } = await cli(['evidence', 'archive', runId], DOWN);
    expect({ code, text }).toMatchObject({ code: 69, text: expect.stringContaining('signer_failed') as string });
    const [owed] = await readSpool(home.home);
    expect(owed).toMatchObject({ attempts: 1, why: expect.stringContaining('signer_failed') as string });
  });

  test('is not sealed with a file changed meanwhile, one added, or another manifest', async () => {
    const [manifest, audit] = [await readFile(file('manifest.json'), 'utf8'), await readFile(file('relay.ndjson'))];
    const refused = async () => {
      expect((await cli(['evidence', 'archive', runId])).text).toContain('not_sealed');
    };
    await writeFile(
      file('relay.ndjson'),
      audit.map((byte, at) => (at === 9 ? byte ^ 1 : byte)),
    );
    await refused();
    await writeFile(file('relay.ndjson'), audit);
    await writeFile(file('notes.txt'), 'x');
    await refused();
    await rm(file('notes.txt'));
    const other = { ...(JSON.parse(manifest) as object), verdict: 'complete', findings: [] };
    await writeFile(file('manifest.json'), canonicalJson(other));
    await refused();
    await writeFile(file('manifest.json'), manifest);
    expect(await verdict()).toMatchObject({ firstFailure: { code: 'seal_files' } });
  });

  test('is sealed and archived by the next sweep, though the one before died as it signed; and says that it came late', async () => {
    const died = await home.start({ do: 'recover', fault: { step: 'evidence_signed', when: 'after', how: 'kill' } })
      .ended;
    expect(died.signal).toBe('SIGKILL');
    await home.start({ do: 'recover' }).ended;
    const { verdict: found, checks } = await verdict();
    expect(found).toBe('verified');
    expect(checks.find(({ code }) => code === 'receipt_binding')?.detail).toContain('SEALED LATE');
    expect(checks.find(({ code }) => code === 'late_archive')?.status).toBe('ok');
    expect(await readSpool(home.home)).toEqual([]);
    const entries = (await readCustody(home.home)).entries.filter(({ act }) => act === 'archived');
    expect(entries.map(({ detail }) => detail).join()).toContain('sealed and archived after its run');
    expect((await cli(['evidence', 'ls'])).text).not.toContain('PENDING');
  });
});

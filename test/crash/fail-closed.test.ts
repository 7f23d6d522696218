import { access, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Fault } from '../support/crash-plan.ts';
import { scan } from '../support/scanner.ts';
import { openFaultyStore } from './faulty-store.ts';
import { type CrashHome, type CrashPlace, type CrashProcess, openCrashPlace } from './place.ts';
import { asleep } from './sleeper.ts';

/*
 * Fail closed: what cannot be put on record is not done. And destruction needs nothing: whatever of journal, folder or store is down, the sandbox is gone
 * when the process ends, and that evidence is missing is said. The ledger is the machine's own: it has what was really done.
 */

let place: CrashPlace;
beforeAll(async () => {
  place = await openCrashPlace();
});
afterAll(() => place[Symbol.asyncDispose]());

/** Lets a run go to a step, has something happen to its folder there, and lets it go on. */
async function disturbed(
  home: CrashHome,
  step: Fault['step'],
  disturb: (folder: string) => Promise<unknown>,
): Promise<CrashProcess> {
  const owner = home.start({ do: 'run', fault: { step, when: 'after', how: 'stop' } });
  const { runId } = await owner.said('run');
  await asleep(owner);
  await disturb(join(home.home, 'runs', runId));
  process.kill(owner.pid, 'SIGCONT');
  await owner.ended;
  return owner;
}

const notices = ({ events }: CrashProcess): string =>
  events.flatMap((one) => (one.type === 'notice' ? one.text : [])).join('\n');

async function effects(home: CrashHome): Promise<readonly string[]> {
  return (await home.readLedger()).flatMap((line) => (line.what === 'effect' ? line.action : []));
}

describe('nothing is done without a record of it', { timeout: 120_000 }, () => {
  test('control: with everything in place, the script runs', async () => {
    await using home = await place.newHome();
    const owner = home.start({ do: 'run' });
    expect(await owner.ended).toMatchObject({ code: 0 });
    expect(await effects(home)).toEqual(['put_file', 'run_script', 'list_files', 'check_health']);
    expect(notices(owner)).toBe('');
  });

  test('when what the guest writes cannot be kept', async () => {
    await using home = await place.newHome();
    const owner = await disturbed(home, 'lease', (folder) => mkdir(join(folder, 'audit.log')));
    expect(await effects(home)).toEqual([]);
    expect(notices(owner)).toContain('evidence pending: not sealed');
    expect(owner.events.at(-1)).toMatchObject({ type: 'ended', state: 'destroyed', outcome: 'failed' });
    expect(await scan(home.home)).toEqual([]);
  });

  test('when the transcript cannot be kept', async () => {
    await using home = await place.newHome();
    await writeFile(join(home.home, 'runs'), 'no folder');
    const owner = home.start({ do: 'run' });
    await owner.ended;
    expect(await effects(home)).toEqual([]);
    expect(notices(owner)).toContain('evidence pending: not sealed');
    expect(await scan(home.home)).toEqual([]);
  });

  test.each(['action_journalled', 'action_sent'] as const)('when the journal takes no more: %s', async (step) => {
    await using home = await place.newHome();
    const owner = home.start({ do: 'run', fault: { step, when: 'before', how: 'unavailable', times: 99 } });
    await owner.ended;
    expect(await effects(home)).not.toContain('run_script');
    expect(await scan(home.home)).toEqual([]);
  });
});

describe('a sandbox is destroyed', { timeout: 120_000 }, () => {
  test('although the store takes nothing, and its evidence is said to be pending', async () => {
    await using store = await openFaultyStore(place.endpoint, 'unavailable');
    await using home = await place.newHome({ endpoint: store.endpoint });
    const owner = home.start({ do: 'run' });
    const { runId } = await owner.said('run');
    await owner.ended;
    expect(notices(owner)).toContain('evidence pending: sealed here, not archived');
    expect(await scan(home.home)).toEqual([]);
    for (const name of ['manifest.json', 'timeline.json', 'receipt.json'])
      await access(join(home.home, 'runs', runId, name));
  });

  test('although the evidence cannot be signed, and that is said', async () => {
    await using home = await place.newHome();
    const owner = home.start({ do: 'run', fault: { step: 'evidence_signed', when: 'before', how: 'EIO', times: 99 } });
    await owner.ended;
    expect(notices(owner)).toContain('evidence pending: not sealed');
    expect(owner.events.at(-1)).toMatchObject({ type: 'ended', state: 'destroyed' });
    expect(await scan(home.home)).toEqual([]);
  });

  test('although the journal is gone for a while when it is to be destroyed', async () => {
    await using home = await place.newHome();
    const owner = home.start({
      do: 'run',
      fault: { step: 'destroy_journalled', when: 'before', how: 'unavailable', times: 2 },
    });
    expect(await owner.ended).toMatchObject({ code: 0 });
    expect(owner.events.at(-1)).toMatchObject({ type: 'ended', state: 'destroyed' });
    expect(await scan(home.home)).toEqual([]);
  });
});

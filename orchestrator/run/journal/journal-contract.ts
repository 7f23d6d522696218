import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ConcreteId } from '../../../infra/driver.ts';
import { canMove, isTerminal, LIFECYCLE, type RunState } from '../lifecycle.ts';
import type { Run } from '../run.ts';
import type { Journal } from './index.ts';

/** What every journal does, whatever Postgres is below it. `journal` is asked for anew in each test. */
export function journalContract(journal: () => Journal): void {
  creating(journal);
  moving(journal);
  walking(journal);
  finding(journal);
  listing(journal);
  recordingIds(journal);
  recordingActions(journal);
}

const newId = (): string => randomBytes(6).toString('hex');

function create(journal: Journal, runId = newId(), at = new Date()): Promise<Run> {
  return journal.createRun({
    runId,
    taskId: 'task-1',
    requester: 'alice',
    profile: 'detonate',
    request: { actions: [] },
    at,
  });
}

async function moveAlong(journal: Journal, run: Run, path: readonly RunState[]): Promise<Run> {
  let current = run;
  for (const to of path) current = await journal.moveRun(current, to);
  return current;
}

const TO_EXECUTING = ['admitted', 'provisioning', 'ready', 'executing'] as const;
const TO_DESTROYED = [...TO_EXECUTING, 'collecting', 'sealed', 'destroying', 'destroyed'] as const;

function creating(journal: () => Journal): void {
  test('a run is read back as it was created', async () => {
    const at = new Date('2026-11-23T08:00:00.123Z');
    const run = await create(journal(), newId(), at);
    expect(run).toMatchObject({
      taskId: 'task-1',
      requester: 'alice',
      profile: 'detonate',
      state: 'requested',
      version: 1,
    });
    expect(run).toMatchObject({ createdAt: at.toISOString(), movedAt: at.toISOString(), request: { actions: [] } });
    expect(run).not.toHaveProperty('outcome');
    expect(run).not.toHaveProperty('endedAt');
    expect(await journal().getRun(run.runId)).toEqual(run);
  });

  test('keeps hostile text exactly, U+0000 and half characters included', async () => {
    const hostile = { stdout: 'a\0b\u001b[2J\ud800\u202e', "'; drop table burnbag.runs; --": "\\'" };
    const run = await journal().createRun({
      runId: newId(),
      taskId: 't',
      requester: 'a\0\udc00',
      profile: 'p',
      request: hostile,
    });
    expect((await journal().getRun(run.runId)).request).toEqual(hostile);
    expect(run.requester).toBe('a\u2400\ufffd');
    const moved = await journal().moveRun(run, 'refused', { why: 'no\0', patch: { result: hostile } });
    expect(moved).toMatchObject({ why: 'no\u2400', result: hostile });
    expect(await journal().checkChain(run.runId)).toEqual({ holds: true });
  });

  test('refuses a run id that is taken', async () => {
    const run = await create(journal());
    await expect(create(journal(), run.runId)).rejects.toMatchObject({ code: 'run_exists' });
  });
}

function moving(journal: () => Journal): void {
  test('moves a run, keeping what is known of it', async () => {
    const executing = await moveAlong(journal(), await create(journal()), TO_EXECUTING);
    const patch = { sandbox: { machineId: 'm' }, result: { exit: 1 } };
    const collecting = await journal().moveRun(executing, 'collecting', {
      why: 'script failed',
      outcome: 'failed',
      patch,
    });
    expect(collecting).toMatchObject({
      state: 'collecting',
      outcome: 'failed',
      why: 'script failed',
      ...patch,
      version: 6,
    });
    const destroyed = await moveAlong(journal(), collecting, ['sealed', 'destroying', 'destroyed']);
    expect(destroyed).toMatchObject({ state: 'destroyed', outcome: 'failed', ...patch, endedAt: destroyed.movedAt });
    expect(await journal().getRun(destroyed.runId)).toEqual(destroyed);
  });

  test('refuses a move that the table does not list', async () => {
    const run = await create(journal());
    await expect(journal().moveRun(run, 'executing')).rejects.toMatchObject({ code: 'move_not_listed' });
    expect(await journal().getRun(run.runId)).toEqual(run);
  });

  test('refuses a run that has moved since it was read: of two that decide, one wins', async () => {
    const run = await create(journal());
    const both = await Promise.allSettled([journal().moveRun(run, 'admitted'), journal().moveRun(run, 'refused')]);
    const [lost] = both.filter((outcome) => outcome.status === 'rejected');
    expect(both.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(lost?.reason).toMatchObject({ code: 'moved_meanwhile' });
    expect(await journal().listTransitions(run.runId)).toHaveLength(2);
  });
}

function walking(journal: () => Journal): void {
  test('any walk through the table, with any unlisted move tried on the way, leaves a chain that holds', async () => {
    const states = fc.constantFrom(...(Object.keys(LIFECYCLE) as RunState[]));
    await fc.assert(
      fc.asyncProperty(fc.array(states, { minLength: 1, maxLength: 25 }), async (wanted) => {
        let run = await create(journal());
        for (const to of wanted) {
          const moved = await journal()
            .moveRun(run, to)
            .catch((error: unknown) => error);
          if (canMove(run.state, to)) run = moved as Run;
          else expect(moved).toMatchObject({ code: 'move_not_listed' });
        }
        expect(await journal().getRun(run.runId)).toEqual(run);
        expect(await journal().listTransitions(run.runId)).toHaveLength(run.version);
        expect(await journal().checkChain(run.runId)).toEqual({ holds: true });
      }),
      { numRuns: 15 },
    );
  });
}

function finding(journal: () => Journal): void {
  test('finds a run by its id and by an unambiguous start of it', async () => {
    const start = randomBytes(3).toString('hex');
    const [first, second] = [await create(journal(), `${start}aaaaaa`), await create(journal(), `${start}aaffff`)];
    expect(await journal().getRun(first.runId)).toEqual(first);
    expect(await journal().getRun(`${start}aaf`)).toEqual(second);
    await expect(journal().getRun(`${start}aa`)).rejects.toMatchObject({ code: 'run_ambiguous' });
    await expect(journal().getRun(`${start}b`)).rejects.toMatchObject({ code: 'run_not_found' });
  });

  test.each(['', 'abc', 'ABCD', 'abcdef0123456', '%%%%', "abcd' or 1=1"])('refuses %j as a run id', async (text) => {
    await expect(journal().getRun(text)).rejects.toMatchObject({ code: 'bad_run_id' });
  });
}

function listing(journal: () => Journal): void {
  test('lists the newest first, by state and up to a limit', async () => {
    // Far in the future, so that nothing else in the journal is newer.
    const [older, newer] = [
      await create(journal(), newId(), new Date('2999-01-01')),
      await create(journal(), newId(), new Date('2999-01-02')),
    ];
    expect(await journal().listRuns({ limit: 2 })).toEqual([newer, older]);
    const refused = await journal().moveRun(newer, 'refused');
    expect(await journal().listRuns({ state: 'refused', limit: 1 })).toEqual([refused]);
    expect(await journal().listRuns({ state: 'requested', limit: 1 })).toEqual([older]);
  });

  test('unfinished are all runs but the ended ones, quarantined included', async () => {
    const run = await moveAlong(journal(), await create(journal()), TO_EXECUTING);
    const quarantined = await moveAlong(journal(), run, ['collecting', 'destroying', 'quarantined']);
    const destroyed = await moveAlong(journal(), await create(journal()), TO_DESTROYED);
    const unfinished = await journal().unfinishedRuns();
    expect(unfinished).toContainEqual(quarantined);
    expect(unfinished.map(({ runId }) => runId)).not.toContain(destroyed.runId);
    expect(unfinished.filter(({ state }) => isTerminal(state))).toEqual([]);
  });
}

const disk: ConcreteId = { kind: 'disk', id: '/live/a/scratch', detail: { inode: '12' } };

function recordingIds(journal: () => Journal): void {
  test('an id is in the manifest until it was observed gone, and again when it is recorded again', async () => {
    const { runId } = await create(journal());
    const qemu: ConcreteId = { kind: 'process', id: '4711', detail: { started: '99' } };
    await journal().recordId(runId, qemu);
    await journal().recordId(runId, disk);
    await journal().markGone(runId, disk, { means: 'stat: ENOENT', at: '2026-11-23T08:00:00.000Z', how: 'unlink' });
    expect(await journal().listIds(runId)).toMatchObject([
      qemu,
      { ...disk, gone: { means: 'stat: ENOENT', at: '2026-11-23T08:00:00.000Z', how: 'unlink' } },
    ]);
    await journal().recordId(runId, { ...disk, detail: { inode: '13' } });
    expect((await journal().listIds(runId))[1]).toMatchObject({ detail: { inode: '13' } });
    expect((await journal().listIds(runId))[1]).not.toHaveProperty('gone');
  });

  test('refuses to call gone what was never recorded', async () => {
    const { runId } = await create(journal());
    const seen = { means: 'stat', at: new Date().toISOString() };
    await expect(journal().markGone(runId, disk, seen)).rejects.toMatchObject({ code: 'id_not_found' });
  });

  test('refuses a new id for a run that has ended or never was', async () => {
    const refused = await journal().moveRun(await create(journal()), 'refused');
    await expect(journal().recordId(refused.runId, disk)).rejects.toMatchObject({ code: 'run_ended' });
    await expect(journal().recordId(newId(), disk)).rejects.toMatchObject({ code: 'run_not_found' });
  });
}

function recordingActions(journal: () => Journal): void {
  test('a certificate’s serial is recorded once, for one run', async () => {
    const [one, other] = [await create(journal()), await create(journal())];
    const certificate = {
      serial: BigInt(`0x${randomBytes(8).toString('hex')}`).toString(),
      keyId: 'run=a',
      validBefore: 1_795_000_000,
    };
    await journal().recordCertificate(one.runId, certificate);
    expect(await journal().listCertificates(one.runId)).toEqual([certificate]);
    await expect(journal().recordCertificate(other.runId, certificate)).rejects.toMatchObject({
      code: 'certificate_exists',
    });
    await expect(journal().recordCertificate(newId(), { ...certificate, serial: '1' })).rejects.toMatchObject({
      code: 'run_not_found',
    });
  });

  test('an action goes journalled, sent, answered, each once; the last may be said again, and after the run moved on', async () => {
    const run = await moveAlong(journal(), await create(journal()), TO_EXECUTING);
    const record = (state: 'journalled' | 'sent' | 'answered') =>
      journal().recordAction(run.runId, { requestId: 1, action: 'run_script', state });
    await expect(record('sent')).rejects.toMatchObject({ code: 'action_out_of_turn' });
    await record('journalled');
    await expect(record('journalled')).rejects.toMatchObject({ code: 'action_out_of_turn' });
    await expect(record('answered')).rejects.toMatchObject({ code: 'action_out_of_turn' });
    await record('sent');
    await journal().moveRun(run, 'collecting');
    await record('answered');
    await record('answered');
    await expect(record('sent')).rejects.toMatchObject({ code: 'action_out_of_turn' });
    expect((await journal().listActions(run.runId)).map(({ state }) => state)).toEqual([
      'journalled',
      'sent',
      'answered',
    ]);
  });

  test.each(['before', 'after'])('refuses an action %s execution: a crash never runs one again', async (when) => {
    const requested = await create(journal());
    const { runId } =
      when === 'before' ? requested : await moveAlong(journal(), requested, [...TO_EXECUTING, 'collecting']);
    const step = { requestId: 1, action: 'run_script', state: 'journalled' } as const;
    await expect(journal().recordAction(runId, step)).rejects.toMatchObject({ code: 'action_out_of_turn' });
  });
}

import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { makeTestHost } from '../../test/support/setup-host.ts';
import { SetupError } from './errors.ts';
import type { Check, ItemName, ItemResult, SetupEvent, SetupItem } from './item.ts';
import { checkItems, runItems } from './run-items.ts';

describe('items', () => {
  test('what is there is not fixed', async () => {
    const { results, fixed } = await run([item('qemu', { there: true }), item('image')]);
    expect(results.map((result) => result.status)).toEqual(['ok', 'fixed']);
    expect(fixed).toEqual(['image']);
  });

  test('one waits for what it needs; independent ones go on at the same time', async () => {
    const { results, fixed } = await run([
      item('image-tools', { takes: 50 }),
      item('archive-server', { takes: 50 }),
      item('image', { needs: ['image-tools'] }),
    ]);
    expect(fixed.slice(0, 2).sort()).toEqual(['archive-server', 'image-tools']);
    expect(fixed[2]).toBe('image');
    const [tools, archive] = results;
    expect(archive?.durationMs).toBeLessThan(2 * (tools?.durationMs ?? 0));
  });

  test('a failure skips what needs it and nothing else', async () => {
    const fails = item('image-tools', {
      fails: new SetupError('programs_missing', { expected: 'a', got: 'b', hint: 'run: c' }),
    });
    const { results } = await run([fails, item('image', { needs: ['image-tools'] }), item('qemu')]);
    expect(results.map(({ status, code }) => [status, code])).toEqual([
      ['failed', 'programs_missing'],
      ['skipped', 'prerequisite_failed'],
      ['fixed', undefined],
    ]);
    expect(results[0]?.whatToDo).toBe('run: c');
  });

  test('a deadline that passes is said as one', async () => {
    const { results } = await run([item('qemu', { takes: 5_000, deadlineSeconds: 0.05 })]);
    expect(results[0]).toMatchObject({ status: 'failed', code: 'deadline_passed' });
  });

  test('a cancellation is said as one', async () => {
    const { results } = await run([item('qemu', { takes: 5_000 })], AbortSignal.timeout(50));
    expect(results[0]).toMatchObject({ status: 'failed', code: 'cancelled' });
  });

  test('a fix that mends nothing is a defect, not a success', async () => {
    const { results } = await run([item('qemu', { mends: false })]);
    expect(results[0]).toMatchObject({ status: 'failed', code: 'internal' });
  });

  test('an error that is not ours is told, not thrown', async () => {
    const { results } = await run([item('qemu', { fails: new TypeError('odd') })]);
    expect(results[0]).toMatchObject({ status: 'failed', code: 'internal', what: 'TypeError: odd' });
  });

  test('every item ends with one event, in words', async () => {
    const { events } = await run([item('qemu', { there: true }), item('image')]);
    expect(events.map((event) => `${event.type} ${event.item}`)).toEqual([
      'item_ended qemu',
      'item_started image',
      'item_ended image',
    ]);
  });

  test('looking changes nothing', async () => {
    await using host = await makeTestHost();
    const fixed: string[] = [];
    const results = await checkItems([item('qemu')(fixed), item('image', { there: true })(fixed)], host.context);
    expect(results.map((result) => result.status)).toEqual(['missing', 'ok']);
    expect(fixed).toEqual([]);
  });
});

interface Behaviour {
  there?: boolean;
  takes?: number;
  mends?: boolean;
  fails?: Error;
  needs?: ItemName[];
  deadlineSeconds?: number;
}

/** An item that does what the test says, and writes its name down when it is fixed. */
function item(name: ItemName, behaviour: Behaviour = {}): (fixed: string[]) => SetupItem {
  const { there = false, takes = 0, mends = true, fails, needs = [], deadlineSeconds = 10 } = behaviour;
  return (fixed) => ({
    name,
    why: `needs ${name}`,
    needs,
    expectedSeconds: 1,
    deadlineSeconds,
    check: () =>
      Promise.resolve<Check>(
        there || (mends && fixed.includes(name))
          ? { state: 'ok', what: name }
          : { state: 'missing', what: name, whatToDo: `get ${name}` },
      ),
    async fix({ signal }) {
      await sleep(takes, undefined, { signal });
      if (fails !== undefined) throw fails;
      fixed.push(name);
    },
  });
}

async function run(
  items: ((fixed: string[]) => SetupItem)[],
  signal?: AbortSignal,
): Promise<{ results: ItemResult[]; fixed: string[]; events: SetupEvent[] }> {
  await using host = await makeTestHost();
  const [fixed, events]: [string[], SetupEvent[]] = [[], []];
  const context = { ...host.context, ...(signal !== undefined && { signal }) };
  const results = await runItems(
    items.map((make) => make(fixed)),
    context,
    (event) => void events.push(event),
  );
  return { results, fixed, events };
}

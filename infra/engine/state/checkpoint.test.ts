import { expect, it } from 'vitest';
import { Checkpoint } from './checkpoint.ts';
import { Codec } from './codec.ts';
import type { PendingOperation } from './codec.ts';
import type { State } from './schema.ts';
import { parseCheckpoint } from './stack-file.ts';

const box = (name: string, extra: Partial<State> = {}): State => ({
  urn: `urn:pulumi:dev::bb::bag:index:Box::${name}`,
  type: 'bag:index:Box',
  custom: false,
  inputs: {},
  outputs: {},
  ...extra,
});

function open(base: readonly State[], pending: readonly PendingOperation[] = []) {
  const written: { names: string[]; pending: string[] }[] = [];
  const disk = { fails: false };
  const checkpoint = new Checkpoint({
    stack: 'organization/bb/dev',
    base,
    pending,
    codec: new Codec(undefined, undefined),
    save: (text) => {
      if (disk.fails) return Promise.reject(new Error('disk full'));
      const { latest } = parseCheckpoint(text, 'here').checkpoint;
      const name = ({ urn }: { urn: string }): string => urn.slice(-1);
      written.push({
        names: (latest?.resources ?? []).map(name),
        pending: (latest?.pending_operations ?? []).map(({ resource, type }) => `${type} ${name(resource)}`),
      });
      return Promise.resolve();
    },
  });
  return { checkpoint, written, disk };
}

it('writes what is begun before and what became of it after, what is finished in front of what was there', async () => {
  const [a, b] = [box('a'), box('b')];
  const { checkpoint, written } = open([a, b]);
  const operation = await checkpoint.begin('updating', b);
  await checkpoint.end(operation, { add: box('b'), drop: [b] });
  expect(written).toEqual([
    { names: ['a', 'b'], pending: ['updating b'] },
    { names: ['b', 'a'], pending: [] },
  ]);
});

it('of what earlier operations left pending keeps only creates', async () => {
  const { checkpoint, written } = open(
    [],
    [
      { type: 'creating', resource: box('a') },
      { type: 'deleting', resource: box('b') },
    ],
  );
  await checkpoint.flush();
  checkpoint.resolvePending(() => true);
  await checkpoint.flush();
  expect(written.map(({ pending }) => pending)).toEqual([['creating a'], []]);
});

it('an operation that could not be noted is not pending', async () => {
  const { checkpoint, disk } = open([]);
  disk.fails = true;
  await expect(checkpoint.begin('creating', box('a'))).rejects.toMatchObject({ code: 'state_not_written' });
  expect(checkpoint.pendingOperations).toEqual([]);
});

it('a result that could not be noted is an error, and so is a last state', async () => {
  const { checkpoint, disk } = open([]);
  const operation = await checkpoint.begin('creating', box('a'));
  disk.fails = true;
  await expect(checkpoint.end(operation, { add: box('a') })).rejects.toMatchObject({ code: 'state_not_written' });
  await expect(checkpoint.flush()).rejects.toThrow('writing snapshot: disk full');
});

it('frozen, it writes nothing and what is pending stays so', async () => {
  const { checkpoint, written } = open([]);
  const operation = await checkpoint.begin('creating', box('a'));
  checkpoint.freeze();
  await checkpoint.end(operation, { add: box('a') });
  await checkpoint.flush();
  await checkpoint.settled();
  expect(checkpoint.frozen).toBe(true);
  // What cannot be put on record is not begun.
  await expect(checkpoint.begin('deleting', box('b'))).rejects.toMatchObject({ code: 'state_not_written' });
  expect(written).toEqual([{ names: [], pending: ['creating a'] }]);
});

it('refuses to write a state that nobody could read', async () => {
  const { checkpoint, written } = open([box('a', { parent: 'urn:pulumi:dev::bb::x:y:Z::gone' })]);
  await expect(checkpoint.flush()).rejects.toThrow(/refusing to write it/);
  expect(written).toEqual([]);
});

it('after an alias points to what a resource is called now', async () => {
  const old = box('a');
  const { checkpoint, written } = open([box('b', { aliases: [old.urn] }), box('c', { dependencies: [old.urn] })]);
  await checkpoint.flush();
  expect(written).toEqual([{ names: ['b', 'c'], pending: [] }]);
});

import { expect, it } from 'vitest';
import { Pool } from '../run/pool.ts';
import { Writer } from './writer.ts';

it('writes once for all who asked while a write was under way', async () => {
  let state = 0;
  const written: number[] = [];
  const writer = new Writer(async () => {
    const picture = state;
    await new Promise((resolve) => setTimeout(resolve, 5));
    written.push(picture);
  });
  const asked = Array.from({ length: 10 }, () => {
    state += 1;
    return writer.write();
  });
  await Promise.all(asked);
  expect(written).toEqual([1, 10]);
});

it('a failed write is told to those who waited for it, and the next is tried', async () => {
  let fails = true;
  const writer = new Writer(async () => {
    await Promise.resolve();
    if (fails) throw new Error('disk full');
  });
  await expect(writer.write()).rejects.toThrow('disk full');
  fails = false;
  await writer.write();
});

it('a pool keeps its limit and its order, and is idle when all has ended', async () => {
  const pool = new Pool(2);
  const order: number[] = [];
  let [running, most] = [0, 0];
  const work = Array.from({ length: 6 }, (_, at) =>
    pool.run(async () => {
      order.push(at);
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setTimeout(resolve, 2));
      running -= 1;
      if (at === 3) throw new Error('three');
    }),
  );
  const results = Promise.allSettled(work);
  await pool.idle();
  expect(running).toBe(0);
  expect((await results).filter(({ status }) => status === 'rejected')).toHaveLength(1);
  expect(order).toEqual([0, 1, 2, 3, 4, 5]);
  expect(most).toBe(2);
  await pool.idle();
});

import { expect, test } from 'vitest';
import { inBatches } from './batch.ts';

const soon = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('what comes while a statement is under way goes into the next one, each with its own result', async () => {
  const statements: (readonly number[])[] = [];
  const double = inBatches(async (asked: readonly number[]) => {
    statements.push(asked);
    await soon();
    return asked.map((one) => 2 * one);
  });
  expect(await Promise.all([1, 2, 3, 4].map(double))).toEqual([2, 4, 6, 8]);
  expect(statements).toEqual([[1], [2, 3, 4]]);
  expect(await double(5)).toBe(10);
});

test('a statement that fails is tried for each alone: nobody pays for another', async () => {
  const ask = inBatches(async (asked: readonly string[]) => {
    await soon();
    if (asked.includes('bad')) throw new Error('refused');
    return asked;
  });
  const asked = await Promise.allSettled(['first', 'good', 'bad', 'better'].map(ask));
  expect(asked.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
  expect(await ask('after')).toBe('after');
});

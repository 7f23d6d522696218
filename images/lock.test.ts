import { expect, test } from 'vitest';
import { compareWithLock, readLock } from './lock.ts';
import { builtImage } from './testing/built-image.ts';

test('the lock file is of this recipe: whoever changes the recipe writes it anew', async () => {
  const [lock, image] = await Promise.all([readLock(), builtImage()]);
  expect(lock.builtFrom.recipe).toBe(image.builtFrom.recipe);
});

test('an image that is not the locked one says why', async () => {
  const [lock, image] = await Promise.all([readLock(), builtImage()]);
  const differences = await compareWithLock(image);
  expect(differences.length > 0).toBe(lock.digest !== image.digest);
  const other = await compareWithLock({
    ...image,
    digest: 'another',
    builtFrom: { ...image.builtFrom, agent: 'another' },
  });
  expect(other[0]).toContain('agent');
});

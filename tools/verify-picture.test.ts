import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { drawPicture, PICTURE } from './verify-picture.ts';

const withoutTime = (svg: string): string => svg.replaceAll(/ in \d+ ms/g, '');

test('the README’s picture is what burnbag verify prints now; else: npm run picture', { timeout: 60_000 }, async () => {
  const [kept, drawn] = [await readFile(PICTURE, 'utf8'), await drawPicture()];
  expect(withoutTime(kept)).toBe(withoutTime(drawn));
  expect(kept).toContain('REFUSED');
});

import { posix } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isGuestPath, isWithin, PathRule } from './path.ts';

/** Pieces that paths go wrong with. */
const piece = fc.constantFrom(
  'work',
  'in',
  'job',
  '..',
  '.',
  '',
  '/',
  '//',
  '\0',
  '\n',
  '\u202e',
  '\ud800',
  'é',
  'a'.repeat(300),
  '%2e%2e',
  '\\',
);
const anyPath = fc.array(piece, { maxLength: 8 }).map((pieces) => `/${pieces.join('/')}`);

describe('isGuestPath', () => {
  it('takes only paths that normalising leaves as they are', () => {
    fc.assert(
      fc.property(fc.oneof(anyPath, fc.string()), (path) => {
        if (isGuestPath(path)) {
          expect(posix.normalize(path)).toBe(path);
          expect(path.startsWith('/') && !path.endsWith('/')).toBe(true);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    '',
    '/',
    'work',
    '/work/',
    '/work//in',
    '/work/../etc',
    '/work/.',
    '/work/\0',
    '/work/a\nb',
    `/${'a/'.repeat(2100)}a`,
    '/work/\u202etxt.exe',
  ])('refuses %j', (path) => {
    expect(isGuestPath(path)).toBe(false);
  });

  it.each(['/work', '/work/in/a b', '/work/...', '/work/-rf', '/work/%2e%2e', '/work/é'])('takes %j', (path) => {
    expect(isGuestPath(path)).toBe(true);
  });
});

describe('isWithin', () => {
  it('never lets a path out of its rules', () => {
    fc.assert(
      fc.property(anyPath, (path) => {
        if (isWithin(path, ['/work/in/'])) expect(`${posix.resolve(path)}/`.startsWith('/work/in/')).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('does not take a name that only begins like the rule', () => {
    expect(isWithin('/work/inside', ['/work/in/'])).toBe(false);
    expect(isWithin('/work/log.old', ['/work/log'])).toBe(false);
    expect(isWithin('/work/log/x', ['/work/log'])).toBe(false);
  });

  it('takes the folder itself, what is below it, and exactly the named file', () => {
    expect(isWithin('/work/in', ['/work/in/'])).toBe(true);
    expect(isWithin('/work/in/a', ['/etc/', '/work/in/'])).toBe(true);
    expect(isWithin('/work/log', ['/work/log'])).toBe(true);
  });

  it('has no rule for everything', () => {
    expect(PathRule.safeParse('/').success).toBe(false);
  });
});

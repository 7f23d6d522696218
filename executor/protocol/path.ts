import * as z from 'zod';
import { NAME_MAX_BYTES, PATH_MAX_BYTES } from './limits.ts';
import { isPlainText } from './text.ts';

/**
 * A path in the sandbox that has one reading only: absolute, without `.`, `..`, empty components or a slash at the end,
 * so that comparing text is comparing places as long as no component is a link (and the executor refuses links).
 */
export const GuestPath = z
  .string()
  .max(PATH_MAX_BYTES)
  .refine(isGuestPath, 'expected an absolute path without . .. // or control characters');

/** What a grant or the catalogue allows: a folder with everything below it (ends in `/`), or exactly one file. */
export const PathRule = z
  .string()
  .max(PATH_MAX_BYTES)
  .refine(isPathRule, 'expected an absolute path; a folder ends in /');

/** Tells whether text is a path with one reading. */
export function isGuestPath(text: string): boolean {
  if (!text.startsWith('/') || text === '/' || !isPlainText(text) || Buffer.byteLength(text) > PATH_MAX_BYTES)
    return false;
  return text.slice(1).split('/').every(isComponent);
}

/** Tells whether a path lies under one of the rules. A folder's rule covers the folder itself. */
export function isWithin(path: string, rules: readonly string[]): boolean {
  return isGuestPath(path) && rules.some((rule) => (rule.endsWith('/') ? `${path}/`.startsWith(rule) : path === rule));
}

function isPathRule(text: string): boolean {
  return isGuestPath(text.endsWith('/') ? text.slice(0, -1) : text);
}

function isComponent(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && Buffer.byteLength(name) <= NAME_MAX_BYTES;
}

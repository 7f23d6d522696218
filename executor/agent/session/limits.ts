import { isWithin } from '../../protocol/path.ts';
import type { Measure } from './measure.ts';

/** What may be asked. A dimension that is missing allows nothing of it. */
export interface Limits {
  readonly paths?: readonly string[];
  /** `any`: whatever its digest, for the catalogue only; a grant names digests. */
  readonly sha256?: readonly string[] | 'any';
  readonly max_bytes?: number | undefined;
  readonly max_seconds?: number | undefined;
  readonly max_lines?: number | undefined;
}

/** Where a request goes over its limits. */
export interface Excess {
  readonly what: 'path' | 'argument';
  readonly expected: string;
  readonly got: string;
}

/** The first limit that a request is over; undefined when it keeps them all. Pure. */
export function excessOf(measure: Measure, limits: Limits): Excess | undefined {
  const { path, sha256, bytes, seconds, lines } = measure;
  if (path !== undefined && !isWithin(path, limits.paths ?? [])) {
    return { what: 'path', expected: `a path under ${limits.paths?.join(' or ') ?? 'nothing'}`, got: path };
  }
  if (sha256 !== undefined && limits.sha256 !== 'any' && !(limits.sha256 ?? []).includes(sha256)) {
    return { what: 'argument', expected: 'a granted sha256', got: sha256 };
  }
  return (
    numberOver('bytes', bytes, limits.max_bytes) ??
    numberOver('seconds', seconds, limits.max_seconds) ??
    numberOver('lines', lines, limits.max_lines)
  );
}

function numberOver(unit: string, asked: number | undefined, limit = 0): Excess | undefined {
  if (asked === undefined || asked <= limit) return undefined;
  return { what: 'argument', expected: `at most ${limit} ${unit}`, got: String(asked) };
}

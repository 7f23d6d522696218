import { isWithin } from './path.ts';

/** What a request wants, in the dimensions that grants, profiles and the catalogue limit. */
export interface Measure {
  readonly paths?: readonly string[];
  readonly sha256?: readonly string[];
  readonly units?: readonly string[];
  readonly bytes?: number;
  readonly seconds?: number;
  readonly lines?: number;
}

/** What may be asked. A dimension that is missing allows nothing of it. */
export interface Limits {
  readonly paths?: readonly string[] | undefined;
  /** `any`: whatever its digest, for the catalogue and profiles only; a grant names digests. */
  readonly sha256?: readonly string[] | 'any' | undefined;
  readonly units?: readonly string[] | undefined;
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
export function excessOf({ paths, sha256, units, bytes, seconds, lines }: Measure, limits: Limits): Excess | undefined {
  const path = paths?.find((one) => !isWithin(one, limits.paths ?? []));
  if (path !== undefined) {
    return { what: 'path', expected: `a path under ${limits.paths?.join(' or ') ?? 'nothing'}`, got: path };
  }
  const digests = limits.sha256 ?? [];
  const digest = digests === 'any' ? undefined : sha256?.find((one) => !digests.includes(one));
  if (digest !== undefined) return { what: 'argument', expected: 'a granted sha256', got: digest };
  const unit = units?.find((one) => !(limits.units ?? []).includes(one));
  if (unit !== undefined) {
    return { what: 'argument', expected: `one of ${limits.units?.join(', ') ?? 'no units'}`, got: unit };
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

import { matches, parsePath, resetPath } from './path.ts';
import type { Properties } from './value.ts';
import { equal, reveal } from './value.ts';

export type DiffKind = 'add' | 'add-replace' | 'delete' | 'delete-replace' | 'update' | 'update-replace';

/** How an object would have to change. */
export interface Diff {
  readonly changes: 'unknown' | 'none' | 'some';
  readonly replaces: readonly string[];
  readonly diffs: readonly string[];
  readonly detailed: Readonly<Record<string, { readonly diffKind: DiffKind; readonly inputDiff: boolean }>>;
  readonly deleteBeforeReplace: boolean;
}

const NONE: Diff = { changes: 'none', replaces: [], diffs: [], detailed: {}, deleteBeforeReplace: false };

/** The engine's own comparison, for components and for providers that cannot tell: secrets count by their value. */
export function compareInputs(olds: Properties, news: Properties): Diff {
  const detailed: Record<string, { diffKind: DiffKind; inputDiff: boolean }> = {};
  for (const key of new Set([...Object.keys(olds), ...Object.keys(news)])) {
    const [before, after] = [olds[key], news[key]];
    if (before === undefined) detailed[key] = { diffKind: 'add', inputDiff: true };
    else if (after === undefined) detailed[key] = { diffKind: 'delete', inputDiff: true };
    else if (!equal(reveal(before), reveal(after))) detailed[key] = { diffKind: 'update', inputDiff: true };
  }
  const diffs = Object.keys(detailed);
  return diffs.length === 0 ? NONE : { ...NONE, changes: 'some', diffs, detailed };
}

/** A difference that demands a replacement because of the named keys. */
export function replacementBecauseOf(...keys: readonly string[]): Diff {
  return { ...NONE, changes: 'some', replaces: keys, diffs: keys };
}

/** True if the object must be replaced. */
export function isReplacement(diff: Diff): boolean {
  return diff.changes === 'some' && diff.replaces.length > 0;
}

/** Inputs in which the ignored paths are as they were; paths that cannot be applied are told. */
export function ignoreChanges(
  olds: Properties,
  news: Properties,
  paths: readonly string[],
): { inputs: Properties; inapplicable: readonly string[] } {
  let inputs = news;
  const inapplicable: string[] = [];
  for (const text of paths) {
    const path = parsePath(text);
    const next = path === undefined ? undefined : resetPath(olds, inputs, path);
    if (next === undefined) inapplicable.push(text);
    else inputs = next;
  }
  return { inputs, inapplicable };
}

/** Turns changes of the given paths into replacements; `#initerror` stands for a resource that was left half made. */
export function replaceOnChanges(diff: Diff, patterns: readonly string[], hasInitErrors: boolean): Diff {
  if (patterns.length === 0) return diff;
  const parsed = patterns.map(parsePath).filter((pattern) => pattern !== undefined);
  const changed = new Set([...diff.diffs, ...Object.keys(diff.detailed)]);
  const hit = [...changed].filter((key) => {
    const path = parsePath(key) ?? [key];
    return parsed.some((pattern) => matches(pattern, path));
  });
  if (hasInitErrors && patterns.includes('#initerror')) hit.push('#initerror');
  if (hit.length === 0) return diff;
  return { ...diff, changes: 'some', replaces: [...new Set([...diff.replaces, ...hit])] };
}

import type { provider } from './protocol.ts';

export type DiffKind = 'add' | 'add-replace' | 'delete' | 'delete-replace' | 'update' | 'update-replace';

/** How an object would have to change. */
export interface Diff {
  readonly changes: 'unknown' | 'none' | 'some';
  readonly replaces: readonly string[];
  readonly diffs: readonly string[];
  readonly detailed: Readonly<Record<string, { readonly diffKind: DiffKind; readonly inputDiff: boolean }>>;
  readonly deleteBeforeReplace: boolean;
}

/** The names of the six kinds, by their number on the wire. */
const DIFF_KINDS: readonly DiffKind[] = ['add', 'add-replace', 'delete', 'delete-replace', 'update', 'update-replace'];
const CHANGES: readonly Diff['changes'][] = ['unknown', 'none', 'some'];
/** Reads a DiffResponse; a replacement can be said by `replaces` or by a detailed kind. */
export function readDiff(answer: provider.DiffResponse): Diff {
  const detailed: Record<string, { diffKind: DiffKind; inputDiff: boolean }> = {};
  const replaces = new Set(answer.getReplacesList());
  answer.getDetaileddiffMap().forEach((entry, path) => {
    const diffKind = DIFF_KINDS[entry.getKind()] ?? 'update';
    detailed[path] = { diffKind, inputDiff: entry.getInputdiff() };
    if (diffKind.endsWith('-replace')) replaces.add(path);
  });
  return {
    changes: CHANGES[answer.getChanges()] ?? 'unknown',
    replaces: [...replaces],
    diffs: answer.getDiffsList(),
    detailed,
    deleteBeforeReplace: answer.getDeletebeforereplace(),
  };
}

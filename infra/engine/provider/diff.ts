import type { provider } from '../protocol/messages.ts';
import type { Diff, DiffKind } from '../values/difference.ts';

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

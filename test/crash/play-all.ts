import { setTimeout as sleep } from 'node:timers/promises';
import type { Cell, CellResult } from './cell.ts';
import type { CrashPlace } from './place.ts';
import { play } from './play.ts';

/** As many as the machines have processors: each cell is one process after the other. */
const AT_ONCE = 2;

/** Begins to play cells, a few at a time, and returns a promise of each result, in the order of the cells. None rejects. */
export function playAll(place: CrashPlace, cells: readonly Cell[]): readonly Promise<CellResult>[] {
  const slots = cells.map(() => Promise.withResolvers<CellResult>());
  const waiting = [...cells.entries()].values();
  const work = async (): Promise<void> => {
    // Both workers take from the same iterator.
    for (const [index, cell] of waiting) slots[index]?.resolve(await played(place, cell));
  };
  for (let worker = 0; worker < AT_ONCE; worker += 1) void sleep(0).then(work);
  return slots.map(({ promise }) => promise);
}

async function played(place: CrashPlace, cell: Cell): Promise<CellResult> {
  try {
    return await play(place, cell);
  } catch (error) {
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const { step, fault } = cell;
    return {
      step,
      fault,
      ended: '',
      remnants: 0,
      outcome: '',
      recoveryMs: 0,
      misses: [],
      violations: [`not played: ${what}`],
    };
  }
}

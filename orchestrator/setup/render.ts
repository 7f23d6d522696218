import type { ItemResult, SetupEvent } from './item.ts';

const MARKS = { ok: '✔', fixed: '✔', warning: '!', missing: '✘', failed: '✘', skipped: '·' } as const;
const NAME_WIDTH = 15;

/** One event as the lines a person reads; progress is left to terminals that can overwrite it. */
export function renderSetupEvent(event: SetupEvent): readonly string[] {
  switch (event.type) {
    case 'item_started':
      return [`  … ${event.item.padEnd(NAME_WIDTH)} preparing: ${event.why} (about ${event.expectedSeconds} s)`];
    case 'item_progress':
      return [];
    case 'item_ended':
      return renderItemResult(event.result);
  }
}

/** How one item ended, and what to do where it is not in place. */
export function renderItemResult(result: ItemResult): readonly string[] {
  const time = result.status === 'fixed' ? ` ${(result.durationMs / 1000).toFixed(1)} s ·` : '';
  const line = `  ${MARKS[result.status]} ${result.item.padEnd(NAME_WIDTH)} ${result.status}:${time} ${result.what}`;
  if (result.whatToDo === undefined) return [line];
  return [line, `    ${''.padEnd(NAME_WIDTH)} → ${result.whatToDo}`];
}

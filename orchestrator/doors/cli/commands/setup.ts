import { renderItemResult } from '../../../setup/render.ts';
import { EXIT_CODES } from '../exit-codes.ts';
import { escapeInline } from '../../../terminal/index.ts';
import type { ResultOf } from '../door.ts';
import { type AddCommand, call } from './command.ts';

export const setup: AddCommand = (program, door) => {
  program
    .command('setup')
    .description('prepare what this machine needs (safe to run again; goes on where it was interrupted)')
    .option(
      '--reaper',
      'also install the resident reaper: a systemd timer that sweeps this data directory every half minute',
    )
    .action(async ({ reaper }: { reaper?: true }) => {
      const result = await call(door, 'setup', { reaper: reaper === true });
      door.console.print(result, render);
      door.end(result.ok ? 0 : EXIT_CODES.unavailable.code);
    });
};

export const doctor: AddCommand = (program, door) => {
  program
    .command('doctor')
    .description('look at everything a run needs, and say what to do where something is missing')
    .action(async () => {
      const result = await call(door, 'doctor', {});
      door.console.print(result, render);
      door.end(result.ok ? 0 : EXIT_CODES.unavailable.code);
    });
};

function render(result: ResultOf<'setup'>): readonly string[] {
  const lines = result.items.flatMap((item) => renderItemResult(item as Parameters<typeof renderItemResult>[0]));
  const end = result.ok
    ? 'everything a run needs is in place'
    : 'something a run needs is missing: do what the arrows say, then run this again';
  return [...lines.map(escapeInline), `${end} (${(result.durationMs / 1000).toFixed(1)} s)`];
}

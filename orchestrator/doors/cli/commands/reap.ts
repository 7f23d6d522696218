import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, InvalidArgumentError } from 'commander';
import { callOperation, type ResultOf } from '../door.ts';
import { EXIT_CODES } from '../exit-codes.ts';
import { renderSweep } from '../render/sweep.ts';
import { reaperUnits } from '../../../setup/reaper-units.ts';
import { type AddCommand, call, type Door, wholeSeconds } from './command.ts';

/** Often enough that nothing lives half a minute longer than it should for want of a look. */
const EVERY_SECONDS = 30;

interface Options {
  readonly dryRun?: true;
  readonly withoutJournal?: true;
  readonly patient?: true;
  readonly watch?: true;
  readonly every: number;
  readonly most?: number;
  readonly grace?: number;
  readonly systemd?: true;
}

export const reap: AddCommand = (program, door) => {
  addOptions(
    program.command('reap').description('find and burn what crashed runs left behind; try again what is quarantined'),
  ).action(async (options: Options) => {
    if (options.systemd === true) {
      const { service, timer } = reaperUnits(door.environment);
      door.console.print({ schema: 'burnbag.systemd/1', units: [service, timer] }, ({ units }) =>
        units.flatMap(({ name, text }) => [`# ${name}`, text]),
      );
      return;
    }
    if (options.watch === true) await watch(door, options);
    else {
      const result = await call(door, 'reap', { ...orderOf(options), impatient: options.patient !== true });
      door.console.print(result, renderSweep);
      door.end(exitOf(result));
    }
  });
};

function addOptions(command: Command): Command {
  return command
    .option('--dry-run', 'only say what would be burned')
    .option('--most <n>', 'burn at most so many runs in one sweep', count)
    .option(
      '--grace <seconds>',
      'how old something that nobody knows must be to be burned (default: 120)',
      wholeSeconds,
    )
    .option('--patient', 'leave quarantined runs until their next time')
    .option(
      '--without-journal',
      'burn everything found here, known or not: for a journal that cannot be opened any more',
    )
    .option('--watch', 'sweep again and again until stopped')
    .option('--every <seconds>', 'with --watch: the pause between two sweeps', wholeSeconds, EVERY_SECONDS)
    .option('--systemd', 'print the units that `burnbag setup --reaper` installs');
}

/** The data directory is taken for each sweep only: between two, others can have it. */
async function watch(door: Door, options: Options): Promise<void> {
  const stop = new AbortController();
  const end = (): void => {
    stop.abort();
  };
  process.on('SIGINT', end).on('SIGTERM', end);
  const order = { ...orderOf(options), impatient: false };
  while (!stop.signal.aborted) {
    const result = await callOperation('reap', order, door.environment, { ...door.console, signal: stop.signal });
    if (result.runs.length > 0 || result.quarantined.length > 0) door.console.print(result, renderSweep);
    // Somebody else at work between two sweeps is no news; the next one looks again.
    if (result.as === 'owner') door.end(exitOf(result));
    await sleep(options.every * 1000, undefined, { signal: stop.signal }).catch(() => undefined);
  }
  process.off('SIGINT', end).off('SIGTERM', end);
  door.console.close();
}

function orderOf({ dryRun, most, grace, withoutJournal }: Options) {
  return {
    dry_run: dryRun === true,
    without_journal: withoutJournal === true,
    ...(most !== undefined && { most }),
    ...(grace !== undefined && { grace_seconds: grace }),
  };
}

/** Loud while anything is not proven gone; busy where another process has the data directory and only what is overdue could be touched. */
function exitOf(result: ResultOf<'reap'>): number {
  if (result.as === 'bystander') return EXIT_CODES.busy.code;
  return result.clean || (result.dry_run && result.quarantined.length === 0)
    ? EXIT_CODES.succeeded.code
    : EXIT_CODES.quarantined.code;
}

function count(text: string): number {
  if (!/^[1-9][0-9]{0,2}$/.test(text)) throw new InvalidArgumentError('expected 1 to 999');
  return Number(text);
}

import { InvalidArgumentError } from 'commander';
import { isRunState, type RunState } from '../../../run/lifecycle.ts';
import { EXIT_CODES } from '../exit-codes.ts';
import { renderRuns } from '../render/runs.ts';
import { type AddCommand, call } from './command.ts';

export const runs: AddCommand = (program, door) => {
  program
    .command('runs')
    .description('list runs, newest first')
    .option('--state <state>', 'only runs in this state', state)
    .option('--quarantined', 'only runs whose sandbox is not proven gone')
    .option('--limit <n>', 'how many', count, 20)
    .action(async (options: { state?: RunState; quarantined?: true; limit: number }) => {
      const wanted = options.quarantined === true ? 'quarantined' : options.state;
      const result = await call(door, 'runs', { limit: options.limit, ...(wanted !== undefined && { state: wanted }) });
      door.console.print(result, renderRuns);
      if (options.quarantined === true && result.runs.length > 0) door.end(EXIT_CODES.quarantined.code);
    });
};

function state(text: string): RunState {
  if (!isRunState(text))
    throw new InvalidArgumentError('expected a state, such as executing, destroyed or quarantined');
  return text;
}

function count(text: string): number {
  if (!/^[1-9][0-9]{0,2}$/.test(text)) throw new InvalidArgumentError('expected 1 to 999');
  return Number(text);
}

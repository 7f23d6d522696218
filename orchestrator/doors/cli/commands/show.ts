import { renderRun } from '../render/run.ts';
import { type AddCommand, call } from './command.ts';

export const show: AddCommand = (program, door) => {
  program
    .command('show')
    .description('show one run: what it did, its evidence, its burn')
    .argument('<run>', 'run id, or the first digits of it')
    .action(async (run: string) => {
      door.console.print(await call(door, 'show', { run }), renderRun);
    });
};

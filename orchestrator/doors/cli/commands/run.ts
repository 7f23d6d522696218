import { exitOfRun } from '../exit-of.ts';
import { renderRun } from '../render/run.ts';
import { type AddCommand, call, readInput, wholeSeconds } from './command.ts';

export const run: AddCommand = (program, door) => {
  program
    .command('run')
    .description('run a list of actions in a VM of its own and burn it (docs/actions.md)')
    .argument('<actions>', 'file with a JSON array of actions, or one a line; - reads standard input')
    .requiredOption('--profile <name>', 'shape of the sandbox (policies/profiles.json)')
    .requiredOption('--task <id>', 'your name for the task')
    .option('--ttl <seconds>', 'how long the certificate lives (default: the profile’s)', wholeSeconds)
    .action(async (file: string, options: { profile: string; task: string; ttl?: number }) => {
      const actions = await readInput(file, 'the actions');
      const result = await call(door, 'run', {
        profile: options.profile,
        actions: actions.toString('utf8'),
        label: file === '-' ? 'standard input' : file,
        task_id: options.task,
        ...(options.ttl !== undefined && { ttl_seconds: options.ttl }),
      });
      door.console.print(result, renderRun);
      door.end(exitOfRun(result));
    });
};

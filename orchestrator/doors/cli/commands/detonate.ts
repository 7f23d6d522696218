import { exitOfRun } from '../exit-of.ts';
import { renderRun } from '../render/run.ts';
import { type AddCommand, call, readInput, wholeSeconds } from './command.ts';

/** A script without a time of its own gets this much. */
const TIMEOUT_SECONDS = 60;

export const detonate: AddCommand = (program, door) => {
  program
    .command('detonate')
    .description('run one untrusted script in a VM of its own, tell what it did, burn the VM and prove it gone')
    .argument('<script>', 'the script (it needs a #! line) or ELF program; - reads standard input')
    .argument('[args...]', 'its arguments')
    .option('--profile <name>', 'shape of the sandbox (policies/profiles.json)', 'detonation')
    .option('--timeout <seconds>', 'how long the script may run', wholeSeconds, TIMEOUT_SECONDS)
    .option('--ttl <seconds>', 'how long the certificate lives (default: the profile’s)', wholeSeconds)
    .option('--task <id>', 'your name for the task')
    .action(
      async (
        script: string,
        args: string[],
        options: { profile: string; timeout: number; ttl?: number; task?: string },
      ) => {
        const content = await readInput(script, 'the script');
        const result = await call(door, 'detonate', {
          content_base64: content.toString('base64'),
          label: script === '-' ? 'standard input' : script,
          args,
          profile: options.profile,
          timeout_seconds: options.timeout,
          ...(options.ttl !== undefined && { ttl_seconds: options.ttl }),
          ...(options.task !== undefined && { task_id: options.task }),
        });
        door.console.print(result, renderRun);
        door.end(exitOfRun(result));
      },
    );
};

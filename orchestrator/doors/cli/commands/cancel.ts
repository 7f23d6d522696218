import { type AddCommand, call } from './command.ts';

export const cancel: AddCommand = (program, door) => {
  program
    .command('cancel')
    .description('stop a run; what it left is collected and its sandbox burned')
    .argument('<run>', 'run id, or the first digits of it')
    .action(async (run: string) => {
      const result = await call(door, 'cancel', { run });
      door.console.print(result, () => [
        `run ${result.run_id} is ${result.state}, ${result.outcome ?? 'without an outcome'}`,
      ]);
    });
};

import { escapeJson } from '../../../terminal/index.ts';
import { renderStack, renderStacks } from '../render/stack.ts';
import { type AddCommand, call } from './command.ts';

/** `stack ls`, `stack show` and `stack export`: what exists, without the pulumi binary. */
export const stack: AddCommand = (program, door) => {
  const group = program
    .command('stack')
    .description('look at the Pulumi stacks of this data directory; changes nothing');
  group
    .command('ls')
    .description('list stacks, and what of them is locked or pending')
    .action(async () => {
      door.console.print(await call(door, 'stack_ls', {}), renderStacks);
    });
  group
    .command('show')
    .description('show one stack: its resources (secrets masked), locks, pending operations')
    .argument('<stack>', 'name of the stack, or the first digits of its run’s id')
    .action(async (name: string) => {
      door.console.print(await call(door, 'stack_show', { stack: name }), renderStack);
    });
  group
    .command('export')
    .description('print a stack’s state as `pulumi stack import` takes it; secrets stay encrypted')
    .argument('<stack>', 'name of the stack, or the first digits of its run’s id')
    .action(async (name: string) => {
      door.console.print(await call(door, 'stack_export', { stack: name }), ({ document }) => [escapeJson(document)]);
    });
};

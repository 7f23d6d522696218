import type { Command } from 'commander';
import { escapeInline } from '../../../terminal/index.ts';
import type { ArgsOf, ResultOf } from '../door.ts';
import { addImage } from './aws-image.ts';
import { addRelayConfig } from './aws-relay-config.ts';
import { type AddCommand, call, type Door } from './command.ts';

interface Options {
  readonly file?: string;
  readonly admin?: string;
  readonly yes?: true;
}

export const aws: AddCommand = (program, door) => {
  const parent = program.command('aws').description('sandboxes on AWS (docs/aws.md)');
  addImage(parent, door);
  addRelayConfig(parent, door);
  const foundation = parent
    .command('foundation')
    .description('what they stand on: networks, keys, evidence bucket, roles, trail; deployed once');
  add(foundation, door, 'up', 'deploy it, or bring it to other inputs').requiredOption('--file <file>', INPUTS);
  add(foundation, door, 'outputs', 'show what it exports');
  add(foundation, door, 'configuration', 'print the config.json that follows from it');
  add(foundation, door, 'down', 'take it down; the evidence, its keys and the trail’s records stay')
    .requiredOption('--file <file>', INPUTS)
    .requiredOption('--yes', 'say that you mean it');
  add(foundation, door, 'control-policy', 'print the service control policy for the organization to attach')
    .requiredOption('--file <file>', INPUTS)
    .requiredOption('--admin <arn>', 'the role that deploys the foundation, which the policy lets change it');
};

const INPUTS = 'its inputs, as docs/aws.md has them';

function add(parent: Command, door: Door, what: ArgsOf<'aws_foundation'>['what'], description: string): Command {
  return parent
    .command(what)
    .description(description)
    .action(async ({ file, admin }: Options) => {
      const given = { ...(file !== undefined && { file }), ...(admin !== undefined && { admin }) };
      door.console.print(await call(door, 'aws_foundation', { what, ...given }), render);
    });
}

function render({ state, outputs, document }: ResultOf<'aws_foundation'>): readonly string[] {
  if (document !== undefined) return document.split('\n').map(escapeInline);
  const rows = Object.entries(outputs ?? {}).flatMap(([name, value]) =>
    typeof value === 'string' ? [[name, value]] : (value ?? []).map(({ id, zone }) => [name, `${id} (${zone})`]),
  );
  const width = Math.max(0, ...rows.map(([name = '']) => name.length));
  return [SAID[state], ...rows.map(([name = '', value = '']) => escapeInline(`  ${name.padEnd(width)}  ${value}`))];
}

const SAID: Readonly<Record<ResultOf<'aws_foundation'>['state'], string>> = {
  deployed: 'The foundation is deployed.',
  taken_down: 'The foundation is taken down. The evidence bucket, the keys and the trail’s records stay.',
  absent: 'No foundation was deployed from this data directory.',
};

import { InvalidArgumentError } from 'commander';
import { isStreamName, type StreamName } from '../../../evidence/index.ts';
import { escapeLines } from '../../../terminal/index.ts';
import { type AddCommand, call } from './command.ts';

export const logs: AddCommand = (program, door) => {
  program
    .command('logs')
    .description('show one stream of a run’s evidence: sshd, executor, audit, relay, engine or console')
    .argument('<run>', 'run id, or the first digits of it')
    .argument('<stream>', 'which stream', streamName)
    .action(async (run: string, stream: StreamName) => {
      const result = await call(door, 'logs', { run, stream });
      door.console.print(result, ({ text }) => escapeLines(text.replace(/\n$/, '')));
    });
};

function streamName(text: string): StreamName {
  if (!isStreamName(text)) throw new InvalidArgumentError('expected sshd, executor, audit, relay, engine or console');
  return text;
}

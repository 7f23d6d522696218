import { InvalidArgumentError } from 'commander';
import { isStreamName, STREAM_NAMES, type StreamName } from '../../../evidence/index.ts';
import { escapeLines } from '../../../terminal/index.ts';
import { type AddCommand, call } from './command.ts';

const NAMES = [...STREAM_NAMES, 'timeline'].join(', ');

export const logs: AddCommand = (program, door) => {
  program
    .command('logs')
    .description(`show one stream of a run’s evidence, or all in one order: ${NAMES}`)
    .argument('<run>', 'run id, or the first digits of it')
    .argument('<stream>', 'which stream', streamName)
    .action(async (run: string, stream: StreamName | 'timeline') => {
      const result = await call(door, 'logs', { run, stream });
      door.console.print(result, ({ text }) => escapeLines(text.replace(/\n$/, '')));
    });
};

function streamName(text: string): StreamName | 'timeline' {
  if (text !== 'timeline' && !isStreamName(text)) throw new InvalidArgumentError(`expected one of ${NAMES}`);
  return text;
}

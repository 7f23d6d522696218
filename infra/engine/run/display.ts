import type { EngineEvent } from './event-log.ts';
import type { Json } from '../values/value.ts';
import { isObject, textOf } from '../values/value.ts';

const SIGNS: Readonly<Record<string, string>> = {
  create: '+',
  update: '~',
  delete: '-',
  replace: '+-',
  'create-replacement': '++',
  'delete-replaced': '--',
  read: '>',
  refresh: '~',
};

/** The line that tells a person of an event; undefined for events without one. `stream` says where it belongs. */
export function displayLine(
  event: EngineEvent,
): { readonly stream: 'stdout' | 'stderr'; readonly text: string } | undefined {
  const { resourcePreEvent: pre, diagnosticEvent: diagnostic, stdoutEvent: line, summaryEvent: summary } = event;
  if (isObject(pre)) return stepLine(pre['metadata']);
  if (isObject(diagnostic)) {
    const urn = typeof diagnostic['urn'] === 'string' ? `${diagnostic['urn']}: ` : '';
    const severity = textOf(diagnostic['severity']);
    return {
      stream: severity === 'error' ? 'stderr' : 'stdout',
      text: `${severity}: ${urn}${textOf(diagnostic['message'])}`,
    };
  }
  if (isObject(line)) return { stream: 'stdout', text: textOf(line['message']) };
  if (isObject(summary))
    return {
      stream: 'stdout',
      text: `${textOf(summary['result'])} after ${textOf(summary['durationSeconds'])}s: ${JSON.stringify(summary['resourceChanges'])}\n`,
    };
  return undefined;
}

function stepLine(metadata: Json | undefined): ReturnType<typeof displayLine> {
  if (!isObject(metadata)) return undefined;
  const sign = SIGNS[textOf(metadata['op'])];
  return sign === undefined ? undefined : { stream: 'stdout', text: ` ${sign.padEnd(2)} ${textOf(metadata['urn'])}\n` };
}

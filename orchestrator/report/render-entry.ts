import { escapeInline } from '../terminal/index.ts';
import type { StyledLine } from './line.ts';
import type { Connection, FailedProgram, ReportedProcess } from './report.ts';

/** What stands on a line, before its place in the tree is known; equal ones next to each other become one. */
export interface Entry {
  readonly parts: StyledLine;
  readonly times: number;
  readonly process?: ReportedProcess;
}

/** A program that a process could not start. */
export function describeFailure({ path, error, times }: FailedProgram): Entry {
  const parts = [
    { text: '✗ ', style: 'red' as const },
    { text: `${escapeInline(path)}: ${FAILURES[error] ?? 'not started'} (${error})`, style: 'dim' as const },
  ];
  return { parts, times };
}

/** A connection that a process tried, and what became of it. */
export function describeConnection(connection: Connection): Entry {
  const { address, port, family, possible, times } = connection;
  const host = family === 'ipv6' ? `[${address}]` : escapeInline(address);
  const parts: StyledLine = [
    { text: `→ ${host}${port === null ? '' : `:${port}`}`, style: 'plain' },
    { text: `  ${meaningOf(connection)}`, style: possible ? 'red' : 'dim' },
  ];
  return { parts, times };
}

function meaningOf({ how, result, possible, undecided }: Connection): string {
  if (result === 'ok' && undecided) return 'a datagram socket was pointed at it';
  if (possible) return how === 'send' ? 'sent' : 'connected';
  const meaning = undecided ? 'no answer while it waited' : CONNECTION_MEANINGS[result];
  return result === 'ok'
    ? 'inside the machine'
    : [meaning, `(${result})`].filter((part) => part !== undefined).join(' ');
}

const FAILURES: Readonly<Record<string, string>> = {
  ENOENT: 'no such program',
  EACCES: 'may not be run',
  ENOEXEC: 'not a program',
};

const CONNECTION_MEANINGS: Readonly<Record<string, string>> = {
  ENETUNREACH: 'no route out',
  EHOSTUNREACH: 'no route there',
  EPERM: 'refused by the firewall',
  ECONNREFUSED: 'nobody listens',
  ETIMEDOUT: 'no answer',
  ENOENT: 'no such socket',
  EACCES: 'not allowed',
};

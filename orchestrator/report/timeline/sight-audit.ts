import type { RecordedAction } from '../../evidence/index.ts';
import { type AuditEvent, readEvents } from '../audit-events.ts';
import { parseSocketAddress } from '../socket-address.ts';
import { nameOfError } from '../system-call.ts';
import type { Sighting } from './entry.ts';

/** What the kernel saw, event by event; processes are followed from the one that an action started, so that each knows its request. */
export function* sightAudit(stream: Buffer, actions: ReadonlyMap<number, RecordedAction>): Generator<Sighting> {
  const requests = new Map<number, number>();
  for (const [id, { pid }] of actions) if (pid !== undefined) requests.set(pid, id);
  const count = { lines: 0, malformed: 0, events: 0 };
  for (const event of readEvents(stream, count)) {
    const request_id = requests.get(event.pid) ?? requests.get(event.ppid);
    if (request_id !== undefined) {
      requests.set(event.pid, request_id);
      if (FORKS.has(event.call) && event.success) requests.set(event.exit, request_id);
    }
    yield {
      ...{ at_ms: event.atMs, clock: 'guest', stream: 'audit', record: count.lines, what: event.call },
      ...(request_id !== undefined && { request_id }),
      ...{ pid: event.pid, detail: describe(event) },
    };
  }
}

const FORKS: ReadonlySet<string> = new Set(['clone', 'clone3', 'fork', 'vfork']);

function describe(event: AuditEvent): string {
  const { call, success, exit, argv, paths, exe = '', socketAddress } = event;
  const outcome = success ? [] : [nameOfError(exit)];
  const target = socketAddress === undefined ? undefined : parseSocketAddress(socketAddress);
  const where = target === undefined ? [] : [`→ ${target.address}${target.port === null ? '' : `:${target.port}`}`];
  if (call === 'execve' || call === 'execveat') return [argv?.join(' ') ?? paths[0]?.name ?? exe, ...outcome].join(' ');
  if (FORKS.has(call)) return [exe, ...(success ? [`→ process ${exit}`] : outcome)].join(' ');
  const names = paths.filter(({ type }) => type !== 'PARENT').map(({ name }) => name);
  return [exe, ...names, ...where, ...outcome].join(' ');
}

import type { AuditEvent } from './audit-events.ts';
import { BoundedList } from './bounded-list.ts';
import type { Connection, ReportedProcess } from './report.ts';
import { parseSocketAddress } from './socket-address.ts';
import { nameOfError } from './system-call.ts';

/** More addresses than a person looks at; the audit log has the rest. */
const CONNECTIONS_MAX = 1_000;

/** More sockets than are open at one time; beyond it a transport is not known, which is said. */
const SOCKETS_MAX = 10_000;

/** The C library asks for this one whenever a name of a user or host is looked up. */
const NAME_SERVICE_SOCKET = /^(?:\/var)?\/run\/nscd\/socket$/;

/** The answers that say "not yet": of a call that does not wait, or was interrupted while it waited. */
const NOT_YET: ReadonlySet<string> = new Set(['EINPROGRESS', 'EALREADY', 'EAGAIN', 'EINTR']);

/** Socket types of linux/net.h; the flags above them (close on exec, non-blocking) are taken off. */
const TRANSPORTS: ReadonlyMap<number, Connection['transport']> = new Map([
  [1, 'stream'],
  [2, 'datagram'],
  [3, 'raw'],
]);
const TYPE_MASK = 0xf;

/** The connections that were tried, learnt from the events one by one. */
export class Connections {
  readonly #tried = new BoundedList<Connection>(CONNECTIONS_MAX);
  /** Transports by process and descriptor. */
  readonly #sockets = new Map<string, Connection['transport']>();
  noise = 0;

  /** Takes in a socket that was made. */
  makeSocket(event: AuditEvent): void {
    const type = Number.parseInt(event.args[1] ?? '', 16) & TYPE_MASK;
    if (event.success && this.#sockets.size < SOCKETS_MAX) {
      this.#sockets.set(`${event.pid}:${event.exit}`, TRANSPORTS.get(type) ?? null);
    }
  }

  /** Takes in a connect, or a send that names where to. */
  tryOne(event: AuditEvent, process: ReportedProcess): void {
    const target = event.socketAddress === undefined ? undefined : parseSocketAddress(event.socketAddress);
    if (target === undefined) return;
    if (NAME_SERVICE_SOCKET.test(target.address)) {
      this.noise++;
      return;
    }
    const how = event.call === 'connect' ? 'connect' : 'send';
    const result = event.success ? 'ok' : nameOfError(event.exit);
    const transport = this.#transportOf(event);
    const outside = target.scope === 'outside';
    const onlyPointed = event.success && how === 'connect' && transport === 'datagram';
    const undecided = outside && (NOT_YET.has(result) || onlyPointed);
    const possible = outside && event.success && !onlyPointed;
    this.#tried.add([process.id, how, transport, target.family, target.address, target.port, result], () => {
      return { process: process.id, how, transport, ...target, result, possible, undecided, times: 0 };
    });
  }

  get all(): Connection[] {
    return this.#tried.entries;
  }

  get leftOut(): number {
    return this.#tried.leftOut;
  }

  #transportOf(event: AuditEvent): Connection['transport'] {
    const descriptor = Number.parseInt(event.args[0] ?? '', 16);
    return this.#sockets.get(`${event.pid}:${descriptor}`) ?? null;
  }
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ActionResult } from '../../protocol/answer.ts';
import type { SocketEntry } from '../../protocol/shapes.ts';
import { Budget } from '../output/budget.ts';
import { readInetAddress } from './inet-address.ts';

type Read = (row: readonly string[], protocol: SocketEntry['protocol']) => SocketEntry | undefined;

/** The kernel's tables and how a row of each is read (proc(5), unix(7), packet(7)). */
const TABLES: readonly (readonly [SocketEntry['protocol'], Read])[] = [
  ['tcp', readInet],
  ['tcp6', readInet],
  ['udp', readInet],
  ['udp6', readInet],
  ['raw', readInet],
  ['raw6', readInet],
  ['packet', readPacket],
  ['unix', readUnix],
];

/** Sockets in one answer: a script that opens more is shown in part, and that is said. */
const SOCKETS_MAX = 4096;

/** Lists the sockets of the network namespace whose tables are in `folder`. A table that is not there is a protocol the kernel lacks. */
export function listSockets(folder: string): ActionResult<'list_sockets'> {
  const found = TABLES.flatMap(([protocol, read]) =>
    rowsOf(join(folder, protocol)).flatMap((row) => read(row, protocol) ?? []),
  );
  const budget = new Budget();
  const entries = found.slice(0, SOCKETS_MAX).filter((entry) => budget.take(entry));
  return { entries, truncated: entries.length < found.length };
}

/** The first line is the heading. A socket's path may hold a newline and so begin a line that says nothing: it is passed over. */
function rowsOf(path: string): string[][] {
  let text = '';
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return [];
  }
  const lines = text.split('\n').slice(1);
  return lines.filter((line) => line !== '').map((line) => line.trim().split(/ +/));
}

function readInet(row: readonly string[], protocol: SocketEntry['protocol']): SocketEntry | undefined {
  const [, local = '', remote = '', state = '', , , , uid = '', , inode = ''] = row;
  const [here, there] = [readInetAddress(local), readInetAddress(remote)];
  if (here === undefined || there === undefined || !isNumber(uid) || !isNumber(inode)) return undefined;
  return {
    protocol,
    local: here,
    remote: there,
    state: STATES[state] ?? state,
    uid: Number(uid),
    inode: Number(inode),
  };
}

function readPacket(row: readonly string[], protocol: SocketEntry['protocol']): SocketEntry | undefined {
  const [, , type = '', ethertype = '', device = '', , , uid = '', inode = ''] = row;
  if (!isNumber(uid) || !isNumber(inode)) return undefined;
  const local = `type ${type} protocol ${ethertype} interface ${device}`;
  return { protocol, local, remote: '', state: '', uid: Number(uid), inode: Number(inode) };
}

function readUnix(row: readonly string[], protocol: SocketEntry['protocol']): SocketEntry | undefined {
  const [address = '', , , flags = '', type = '', state = '', inode = '', ...path] = row;
  if (!/^[0-9a-f]+:$/i.test(address) || !isNumber(inode)) return undefined;
  const listens = (parseInt(flags, 16) & ACCEPTS) !== 0 ? 'LISTEN' : (UNIX_STATES[state] ?? state);
  const kind = UNIX_TYPES[type] ?? type;
  return { protocol, local: path.join(' '), remote: '', state: `${kind} ${listens}`, uid: null, inode: Number(inode) };
}

function isNumber(text: string): boolean {
  return /^[0-9]{1,15}$/.test(text);
}

/** As the kernel numbers them (net/tcp_states.h). */
const STATES: Readonly<Record<string, string | undefined>> = {
  '01': 'ESTABLISHED',
  '02': 'SYN_SENT',
  '03': 'SYN_RECV',
  '04': 'FIN_WAIT1',
  '05': 'FIN_WAIT2',
  '06': 'TIME_WAIT',
  '07': 'CLOSE',
  '08': 'CLOSE_WAIT',
  '09': 'LAST_ACK',
  '0A': 'LISTEN',
  '0B': 'CLOSING',
};

/** __SO_ACCEPTCON (linux/net.h). */
const ACCEPTS = 0x10000;
const UNIX_TYPES: Readonly<Record<string, string | undefined>> = {
  '0001': 'stream',
  '0002': 'dgram',
  '0005': 'seqpacket',
};
const UNIX_STATES: Readonly<Record<string, string | undefined>> = {
  '01': 'UNCONNECTED',
  '02': 'CONNECTING',
  '03': 'CONNECTED',
};

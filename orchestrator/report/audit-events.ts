import { type AuditRecord, bytesOf, numberOf, parseAuditLine, textOf } from './audit-line.ts';
import { decodeBytes } from '../terminal/index.ts';
import { nameOfCall } from './system-call.ts';

/** One system call as the kernel saw it end: its records, put together. */
export interface AuditEvent {
  readonly atMs: number;
  /** The call's name, or `call <number>` for one that no rule of the image asks for. */
  readonly call: string;
  /** The call's first arguments, in hex. */
  readonly args: readonly string[];
  readonly success: boolean;
  /** What the call returned; negative is an errno. */
  readonly exit: number;
  readonly pid: number;
  readonly ppid: number;
  readonly uid: number;
  readonly exe?: string;
  readonly key?: string;
  readonly cwd?: string;
  readonly argv?: readonly string[];
  readonly paths: readonly AuditPath[];
  readonly socketAddress?: Buffer;
}

/** One path the call touched. `inode` names the file whatever its path. */
export interface AuditPath {
  readonly name: string;
  readonly type: string;
  readonly inode?: string;
}

/** How the stream itself was: whether what was read is all there was. */
export interface StreamCount {
  lines: number;
  /** Lines that are no record: the guest's own trouble, or a stream that was cut. */
  malformed: number;
  events: number;
}

/** Puts records together into events, in the order in which events end. Records of several events may be mixed. */
export function* readEvents(stream: Uint8Array, count: StreamCount): Generator<AuditEvent> {
  const open = new Map<string, AuditRecord[]>();
  for (const line of linesOf(stream)) {
    count.lines++;
    const record = parseAuditLine(line);
    if (record === undefined) {
      count.malformed++;
      continue;
    }
    const records = open.get(record.event) ?? [];
    open.set(record.event, records);
    if (records.length < EVENT_RECORDS_MAX) records.push(record);
    else count.malformed++;
    const [oldest] = open.keys();
    const ended = record.type === 'EOE' ? record.event : open.size > OPEN_EVENTS_MAX ? oldest : undefined;
    if (ended !== undefined) yield* close(open, ended, count);
  }
  // A log file has no end-of-event records, and a stream that was cut lacks the last.
  for (const event of [...open.keys()]) yield* close(open, event, count);
}

/** The longest argument vector that Linux takes comes in some hundred records; more of one event is no event of the kernel's. */
const EVENT_RECORDS_MAX = 1_024;

/** The kernel mixes few events; more open ones than these come from a stream without end-of-event records. */
const OPEN_EVENTS_MAX = 256;

function* linesOf(stream: Uint8Array): Generator<string> {
  const bytes = Buffer.from(stream.buffer, stream.byteOffset, stream.byteLength);
  for (let start = 0, end; start < bytes.length; start = end + 1) {
    const feed = bytes.indexOf(0x0a, start);
    end = feed === -1 ? bytes.length : feed;
    yield bytes.toString('latin1', start, end);
  }
}

function* close(open: Map<string, AuditRecord[]>, event: string, count: StreamCount): Generator<AuditEvent> {
  const records = open.get(event) ?? [];
  open.delete(event);
  count.events++;
  const call = records.find(({ type }) => type === 'SYSCALL');
  const parsed = call === undefined ? undefined : assemble(call, records);
  if (parsed !== undefined) yield parsed;
}

function assemble({ fields, atMs }: AuditRecord, records: readonly AuditRecord[]): AuditEvent | undefined {
  const [pid, ppid, uid, exit] = ['pid', 'ppid', 'uid', 'exit'].map((name) => numberOf(fields.get(name)));
  if (pid === undefined || ppid === undefined || uid === undefined) return undefined;
  const field = (type: string, name: string) => records.find((record) => record.type === type)?.fields.get(name);
  const argv = readArgv(records.filter(({ type }) => type === 'EXECVE'));
  const saddr = bytesOf(field('SOCKADDR', 'saddr'));
  const [exe, key, cwd] = [textOf(fields.get('exe')), textOf(fields.get('key')), textOf(field('CWD', 'cwd'))];
  return {
    atMs,
    call: nameOfCall(fields.get('arch') ?? '', fields.get('syscall') ?? ''),
    args: ['a0', 'a1', 'a2', 'a3'].map((name) => fields.get(name) ?? ''),
    success: fields.get('success') === 'yes',
    exit: exit ?? 0,
    pid,
    ppid,
    uid,
    ...(exe !== undefined && { exe }),
    ...(key !== undefined && { key }),
    ...(cwd !== undefined && { cwd }),
    ...(argv.length > 0 && { argv }),
    ...(saddr !== undefined && { socketAddress: Buffer.from(saddr, 'latin1') }),
    paths: records.filter(({ type }) => type === 'PATH').flatMap(readPath),
  };
}

/** Arguments in order; a long one comes in parts, `a2[0]`, `a2[1]`, over several records. */
function readArgv(records: readonly AuditRecord[]): string[] {
  const parts: (string | undefined)[] = [];
  for (const [name, value] of records.flatMap(({ fields }) => [...fields])) {
    const index = Number(ARGUMENT.exec(name)?.[1] ?? -1);
    if (index >= 0 && index < ARGUMENTS_MAX) parts[index] = (parts[index] ?? '') + (bytesOf(value) ?? '');
  }
  return Array.from(parts, (bytes = '') => decodeBytes(Buffer.from(bytes.slice(0, ARGUMENT_MAX_BYTES), 'latin1')));
}

const ARGUMENT = /^a(\d{1,5})(?:\[\d+\])?$/;

/** What a person can take in of a command line; the audit log has all of it. */
const ARGUMENTS_MAX = 256;
const ARGUMENT_MAX_BYTES = 4_096;

function readPath({ fields }: AuditRecord): AuditPath[] {
  const name = textOf(fields.get('name'));
  const inode = fields.has('inode') ? `${fields.get('dev') ?? ''}:${fields.get('inode') ?? ''}` : undefined;
  return name === undefined
    ? []
    : [{ name, type: fields.get('nametype') ?? '', ...(inode !== undefined && { inode }) }];
}

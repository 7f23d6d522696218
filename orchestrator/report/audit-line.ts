import { decodeBytes } from '../terminal/index.ts';

/**
 * One record of auditd's raw stream, a line like
 *   type=PATH msg=audit(1795422901.723:35): item=0 name="/bin/sh" nametype=NORMAL
 * The kernel writes text that others chose either in double quotes, when it has no quote, blank or control character, or in hex: a name cannot
 * end its field, let alone its line, so nothing a script does can make a record.
 */
export interface AuditRecord {
  readonly type: string;
  /** Names the event that the record belongs to: its time and its serial number. */
  readonly event: string;
  readonly atMs: number;
  /** Values as they stand in the line; read one with textOf or numberOf. */
  readonly fields: ReadonlyMap<string, string>;
}

/** Reads one line; undefined when it is no record. */
export function parseAuditLine(line: string): AuditRecord | undefined {
  const [, type, event, seconds, milliseconds, rest] = HEADER.exec(line) ?? [];
  if (type === undefined || event === undefined || rest === undefined) return undefined;
  return { type, event, atMs: Number(seconds) * 1_000 + Number(milliseconds), fields: parseFields(rest) };
}

/** Text that others chose, as Latin-1 bytes: parts of one argument are put together before they are read. */
export function bytesOf(value: string | undefined): string | undefined {
  if (value === undefined || value === '(null)') return undefined;
  if (value.startsWith('"')) return value.slice(1, -1);
  return HEX.test(value) ? Buffer.from(value, 'hex').toString('latin1') : value;
}

/** Text that others chose, read; control characters in it stay what they are. */
export function textOf(value: string | undefined): string | undefined {
  const bytes = bytesOf(value);
  return bytes === undefined ? undefined : decodeBytes(Buffer.from(bytes, 'latin1'));
}

/** A decimal number that the kernel wrote. */
export function numberOf(value: string | undefined): number | undefined {
  return value !== undefined && DECIMAL.test(value) ? Number(value) : undefined;
}

/** With `name_format` the line starts with the node's name. Lines of a log file and of a plugin are the same. */
const HEADER = /^(?:node=\S+ )?type=(\S+) msg=audit\(((\d{1,12})\.(\d{3}):\d{1,20})\): ?(.*)$/s;
const FIELD = /([^\s=]+)=("[^"]*"|\S*)/g;
const HEX = /^(?:[0-9A-Fa-f]{2})+$/;
const DECIMAL = /^-?[0-9]{1,15}$/;

/** An enriched log repeats fields in words behind this separator; the raw ones before it are what counts. */
const ENRICHMENT = '\u001d';

function parseFields(rest: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  const [raw = ''] = rest.split(ENRICHMENT, 1);
  for (const [, name, value] of raw.matchAll(FIELD)) {
    if (name !== undefined && value !== undefined && !fields.has(name)) fields.set(name, value);
  }
  return fields;
}

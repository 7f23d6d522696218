import { createHash } from 'node:crypto';
import { Findings } from './findings.ts';
import { type Fields, isDigest, isNatural, isOrdinal, isText, readFields } from './json.ts';
import { LineChain } from './line-chain.ts';

/** What the relay says of one request. Times are the relay's clock, in milliseconds. */
export interface SentRequest {
  readonly lineSha256: string;
  readonly atMs: number;
  answer?: {
    readonly isRefusal: boolean;
    readonly lineSha256: string;
    readonly atMs: number;
    /** The guest's clock, where the answer tells it. */
    readonly guestNowMs?: number;
  };
}

/** Ends of a session that nobody wanted: what was said last may be missing. */
const BROKEN_ENDS: ReadonlySet<unknown> = new Set([
  'close_timeout',
  'protocol_violation',
  'executor_exited',
  'connection_lost',
  'transcript_failed',
]);

/** The guest tells its offset within a second; a clock that was set, or that stood, is off by more. */
const STEP_MIN_MS = 2_000;

/** What must be in a record, by its event, for it to be compared; the rest of it stays evidence and is not judged. */
const RELAY_EVENTS: Readonly<Record<string, (fields: Fields) => boolean>> = {
  connected: ({ serial }) => isText(serial),
  request: isWholeLine,
  answer: isWholeLine,
  ended: ({ reason, bytes_sent, bytes_received }) =>
    isText(reason) && isNatural(bytes_sent) && isNatural(bytes_received),
  tunnel_opened: ({ tunnel, destination }) => isOrdinal(tunnel) && isText(destination),
  tunnel_refused: ({ tunnel, destination }) => isOrdinal(tunnel) && isText(destination),
  tunnel_closed: ({ tunnel, bytes_in, bytes_out }) => isOrdinal(tunnel) && isNatural(bytes_in) && isNatural(bytes_out),
  // A login that only told sshd which certificates are over.
  revoked: ({ serial, serials }) => isText(serial) && Array.isArray(serials),
  // The second login, which only copies a log out.
  log_connected: ({ serial }) => isText(serial),
  log_fetched: ({ reason, bytes, sha256 }) => isText(reason) && isNatural(bytes) && isDigest(sha256),
};

/** Reads relay.ndjson line by line: what was sent, what was answered, how it ended. */
export class RelayWitness {
  records = 0;
  firstSeq: number | null = null;
  lastSeq: number | null = null;
  /** Certificate serials of the sessions it opened with the executor. */
  readonly sessions: string[] = [];
  /** Of all its logins. */
  readonly logins: string[] = [];
  readonly requests = new Map<number, SentRequest>();
  /** Whether it fetched the guest's own file, and all of it. */
  hasFetched = false;
  /** Of what it fetched: the file in the bundle must be that. */
  fetchedSha256: string | undefined;
  /** Of all its sessions and fetches, as it counted them. */
  readonly bytes = { sent: 0, received: 0 };
  /** Whether the guest's health was told, and with it the kernel's own count of lost audit records. */
  hasCount = false;
  readonly findings = new Findings();
  /** Over all lines, whichever login they are of. */
  readonly #chain = new LineChain();
  #ended = 0;
  #sent = 0;
  #received = 0;

  readonly onLine = (line: Buffer | undefined): void => {
    this.records += 1;
    const before = this.#chain.take(line);
    const record = readRelayRecord(line);
    if (record === undefined) {
      this.findings.add('record_unreadable', 'relay', `record ${this.records}`);
      return;
    }
    if (record.prev !== before)
      this.findings.add('chain_broken', 'relay', `record ${this.records}: does not follow from the one before`);
    this.#follow(record);
    this.#note(record);
  };

  /** After the last line: what is still open. */
  end(): void {
    const open = this.sessions.length - this.#ended;
    if (open > 0) this.findings.add('transcript_not_ended', 'relay', `${open} of ${this.sessions.length} sessions`);
  }

  /** Numbers run on without a hole and begin anew with each login. */
  #follow({ seq }: RelayRecord): void {
    this.firstSeq ??= seq;
    const expected = (this.lastSeq ?? 0) + 1;
    if (seq !== expected && seq !== 1)
      this.findings.add('chain_broken', 'relay', `record ${this.records}: expected number ${expected}, got ${seq}`);
    this.lastSeq = seq;
  }

  #note(record: RelayRecord): void {
    const { event } = record;
    if (event === 'connected' || event === 'log_connected' || event === 'revoked')
      this.logins.push(String(record['serial']));
    if (event === 'connected') this.sessions.push(String(record['serial']));
    if (event === 'log_fetched') {
      this.hasFetched = record['reason'] === 'complete';
      this.fetchedSha256 = String(record['sha256']);
      this.bytes.received += Number(record['bytes']);
    }
    if (event === 'request') this.#noteRequest(record);
    if (event === 'answer') this.#noteAnswer(record);
    if (event === 'ended') this.#noteEnd(record);
  }

  #noteRequest({ line, sha256, at_ms: atMs }: RelayRecord): void {
    this.#sent += Buffer.byteLength(String(line)) + 1;
    const id = readFields(String(line))?.['id'];
    if (isOrdinal(id)) this.requests.set(id, { lineSha256: String(sha256), atMs });
    else this.findings.add('record_unreadable', 'relay', `record ${this.records}: a request without a number`);
  }

  #noteAnswer({ line, sha256, at_ms: atMs }: RelayRecord): void {
    this.#received += Buffer.byteLength(String(line)) + 1;
    const answer = readFields(String(line));
    const { id, status, action, result } = answer ?? {};
    if (!isText(status) || !(id === null || isOrdinal(id))) {
      this.findings.add('record_unreadable', 'relay', `record ${this.records}: not an answer`);
      return;
    }
    const health = status === 'ok' && action === 'check_health' ? (result as Fields | undefined) : undefined;
    const request = id === null ? undefined : this.requests.get(id);
    const now = health?.['now_ms'];
    if (request !== undefined) {
      const told = { isRefusal: status === 'refused', lineSha256: String(sha256), atMs };
      request.answer = { ...told, ...(isNatural(now) && { guestNowMs: now }) };
    }
    this.#noteHealth(health);
  }

  #noteHealth(health: Fields | undefined): void {
    const audit = health?.['audit'] as Fields | undefined;
    const services = health?.['services'] as Fields | undefined;
    const offset = (health?.['time'] as Fields | undefined)?.['offset_ms'];
    if (Number.isSafeInteger(offset) && Math.abs(offset as number) > STEP_MIN_MS)
      this.findings.add('clock_stepped', 'executor', `${String(offset)} ms off, by the guest's own monotonic clock`);
    const lost = audit?.['lost'];
    if (isNatural(lost)) this.hasCount = true;
    if (isOrdinal(lost)) this.findings.add('audit_lost', 'audit', `${lost} records, by the kernel's own count`);
    if (services?.['auditd'] === 'stopped' || audit?.['auditd'] === 'stopped')
      this.findings.add('audit_stopped', 'audit', `by the executor's word, record ${this.records} of the relay`);
    if (audit?.['enabled'] === false)
      this.findings.add('audit_stopped', 'audit', `switched off, by record ${this.records} of the relay`);
  }

  /** Only after an end in order do the lines make up all bytes: a session that was cut may have been cut within a line. */
  #noteEnd({ reason, bytes_sent: sent, bytes_received: received }: RelayRecord): void {
    this.#ended += 1;
    this.bytes.sent += Number(sent);
    this.bytes.received += Number(received);
    if (BROKEN_ENDS.has(reason))
      this.findings.add('session_broken', 'relay', `${String(reason)}, record ${this.records}`);
    if (reason === 'closed' && (sent !== this.#sent || received !== this.#received)) {
      const detail = `expected ${this.#sent} sent and ${this.#received} received, got ${String(sent)} and ${String(received)}`;
      this.findings.add('bytes_differ', 'relay', detail);
    }
    this.#sent = 0;
    this.#received = 0;
  }
}

type RelayRecord = Fields & {
  readonly seq: number;
  readonly at_ms: number;
  readonly prev: string;
  readonly event: string;
  readonly line?: unknown;
  readonly sha256?: unknown;
  readonly reason?: unknown;
  readonly bytes_sent?: unknown;
  readonly bytes_received?: unknown;
};

function readRelayRecord(line: Buffer | undefined): RelayRecord | undefined {
  const fields = readFields(line);
  if (fields === undefined) return undefined;
  const { seq, at_ms, prev, event } = fields;
  if (!isOrdinal(seq) || !isNatural(at_ms) || !isDigest(prev) || !isText(event) || !Object.hasOwn(RELAY_EVENTS, event))
    return undefined;
  return RELAY_EVENTS[event]?.(fields) === true ? (fields as RelayRecord) : undefined;
}

/** A transcript's line must be what its size and digest say. */
function isWholeLine({ line, bytes, sha256 }: Fields): boolean {
  if (!isText(line) || !isDigest(sha256) || Buffer.byteLength(line) !== bytes) return false;
  return createHash('sha256').update(line).digest('hex') === sha256;
}

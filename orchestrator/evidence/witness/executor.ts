import { createHash } from 'node:crypto';
import { CHAIN_START } from '../../../executor/protocol/chain.ts';
import { Findings } from './findings.ts';
import { type Fields, isDigest, isNatural, isOrdinal, isText, readFields } from './json.ts';

/** Records examined one by one: far more than any task writes, few enough that a flooded log cannot keep a verifier busy. */
const EXECUTOR_RECORDS_MAX = 100_000;

/** What the executor's log says of one request. Times are the guest's clock, in milliseconds. */
export interface RecordedAction {
  /** SHA-256 of the request's line; undefined where only the end of an action is on record. */
  lineSha256?: string;
  isRefused?: boolean;
  /** When it was taken up, or turned away. */
  startedAtMs?: number;
  ended?: { readonly answerSha256: string; readonly atMs: number; readonly durationMs: number };
  /** Of the program it started. */
  pid?: number;
}

interface Chain {
  seq: number;
  hash: string;
  isClosed: boolean;
}

/** What must be in a record, by its event, for it to be compared. */
const EXECUTOR_EVENTS: Readonly<Record<string, (fields: Fields) => boolean>> = {
  session_open: ({ run_id, serial }) => isText(run_id) && isText(serial),
  session_refused: ({ code }) => isText(code),
  certificates_revoked: ({ run_id, serials }) => isText(run_id) && Array.isArray(serials),
  action_started: ({ run_id, request_id, line_sha256 }) =>
    isText(run_id) && isOrdinal(request_id) && isDigest(line_sha256),
  action_ended: ({ run_id, request_id, answer_sha256, duration_ms, pid }) =>
    isText(run_id) &&
    isOrdinal(request_id) &&
    isDigest(answer_sha256) &&
    isNatural(duration_ms) &&
    (pid === undefined || isOrdinal(pid)),
  refused: ({ run_id, request_id, line_sha256 }) =>
    isText(run_id) && (request_id === null || isOrdinal(request_id)) && isDigest(line_sha256),
  session_closed: ({ run_id, reason }) => isText(run_id) && isText(reason),
};

/** Events after which a chain has no more records. */
const CLOSING_EVENTS: ReadonlySet<string> = new Set(['session_closed', 'session_refused', 'certificates_revoked']);

/**
 * Reads executor.ndjson line by line. Each session is a chain of its own: numbers without a hole, and `prev` the SHA-256 of the line
 * before. A chain that breaks is reported once and taken up again, so that what follows is still counted.
 */
export class ExecutorWitness {
  records = 0;
  firstSeq: number | null = null;
  lastSeq: number | null = null;
  /** Certificate serials of the sessions it opened. */
  readonly sessions: string[] = [];
  /** Sessions it turned away; it does not say whose. */
  refusedSessions = 0;
  readonly actions = new Map<number, RecordedAction>();
  readonly findings = new Findings();
  readonly #runId: string;
  readonly #chains = new Map<string, Chain>();

  constructor(runId: string) {
    this.#runId = runId;
  }

  readonly onLine = (line: Buffer | undefined): void => {
    this.records += 1;
    if (this.records === EXECUTOR_RECORDS_MAX + 1)
      this.findings.add('too_many_records', 'executor', `after record ${EXECUTOR_RECORDS_MAX}`);
    if (this.records > EXECUTOR_RECORDS_MAX) return;
    const record = readExecutorRecord(line);
    if (line === undefined || record === undefined) {
      this.findings.add('record_unreadable', 'executor', `record ${this.records}`);
      return;
    }
    this.#follow(record, line);
    this.#note(record);
  };

  /** After the last line: what is still open. */
  end(): void {
    const open = [...this.#chains.values()].filter(({ isClosed }) => !isClosed).length;
    if (open > 0) this.findings.add('session_not_closed', 'executor', `${open} of ${this.#chains.size} sessions`);
    for (const [id, action] of this.actions) {
      if (action.isRefused !== true && action.ended === undefined)
        this.findings.add('action_not_ended', 'executor', `request ${id}`);
    }
  }

  #follow({ seq, prev, session, event }: ExecutorRecord, line: Buffer): void {
    this.firstSeq ??= seq;
    this.lastSeq = seq;
    const chain = this.#chains.get(session) ?? { seq: 0, hash: CHAIN_START, isClosed: false };
    if (seq !== chain.seq + 1 || prev !== chain.hash || chain.isClosed) {
      const detail = `record ${this.records}: expected number ${chain.seq + 1}, got ${seq}`;
      this.findings.add('chain_broken', 'executor', detail);
    }
    const isClosed = CLOSING_EVENTS.has(event);
    this.#chains.set(session, { seq, hash: createHash('sha256').update(line).digest('hex'), isClosed });
  }

  #note(record: ExecutorRecord): void {
    const { event, at_ms: atMs, run_id, request_id } = record;
    if (run_id !== undefined && run_id !== this.#runId)
      this.findings.add('other_run', 'executor', `record ${this.records}`);
    if (event === 'session_open') this.sessions.push(String(record['serial']));
    if (event === 'session_refused') this.refusedSessions += 1;
    if (!isOrdinal(request_id)) return;
    const action = this.actions.get(request_id) ?? {};
    this.actions.set(request_id, action);
    if (event === 'action_ended') {
      const [answerSha256, durationMs] = [String(record['answer_sha256']), Number(record['duration_ms'])];
      action.ended = { answerSha256, atMs, durationMs };
      if (isOrdinal(record['pid'])) action.pid = record['pid'];
    } else {
      Object.assign(action, { lineSha256: record['line_sha256'], startedAtMs: atMs });
      if (event === 'refused') action.isRefused = true;
    }
  }
}

type ExecutorRecord = Fields & {
  readonly seq: number;
  readonly at_ms: number;
  readonly prev: string;
  readonly session: string;
  readonly event: string;
  readonly run_id?: unknown;
  readonly request_id?: unknown;
};

function readExecutorRecord(line: Buffer | undefined): ExecutorRecord | undefined {
  const fields = readFields(line);
  if (fields === undefined) return undefined;
  const { seq, at_ms, prev, session, event } = fields;
  const isChained = isOrdinal(seq) && isNatural(at_ms) && isDigest(prev) && isText(session);
  if (!isChained || !isText(event) || !Object.hasOwn(EXECUTOR_EVENTS, event)) return undefined;
  return EXECUTOR_EVENTS[event]?.(fields) === true ? (fields as ExecutorRecord) : undefined;
}

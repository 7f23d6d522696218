import { createHash } from 'node:crypto';
import { AuditRecord, CHAIN_START } from '../../../executor/protocol/index.ts';
import { Findings } from './findings.ts';

/** Records examined one by one: far more than any task writes, few enough that a flooded log cannot keep a verifier busy. */
const RECORDS_MAX = 100_000;

/** What the executor's log says of one request. */
export interface RecordedAction {
  /** SHA-256 of the request's line; undefined where only the end of an action is on record. */
  lineSha256?: string;
  isRefused?: boolean;
  ended?: { readonly answerSha256: string };
}

interface Chain {
  seq: number;
  hash: string;
  isClosed: boolean;
}

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
    if (this.records === RECORDS_MAX + 1)
      this.findings.add('too_many_records', 'executor', `after record ${RECORDS_MAX}`);
    if (this.records > RECORDS_MAX) return;
    const record = line === undefined ? undefined : parseRecord(line);
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

  #follow(record: AuditRecord, line: Buffer): void {
    this.firstSeq ??= record.seq;
    this.lastSeq = record.seq;
    const chain = this.#chains.get(record.session) ?? { seq: 0, hash: CHAIN_START, isClosed: false };
    if (record.seq !== chain.seq + 1 || record.prev !== chain.hash || chain.isClosed) {
      this.findings.add(
        'chain_broken',
        'executor',
        `record ${this.records}: expected number ${chain.seq + 1}, got ${record.seq}`,
      );
    }
    const isClosed = record.event === 'session_closed' || record.event === 'session_refused';
    this.#chains.set(record.session, {
      seq: record.seq,
      hash: createHash('sha256').update(line).digest('hex'),
      isClosed,
    });
  }

  #note(record: AuditRecord): void {
    if ('run_id' in record && record.run_id !== this.#runId) {
      this.findings.add('other_run', 'executor', `record ${this.records}`);
    }
    if (record.event === 'session_open') this.sessions.push(record.serial);
    if (record.event === 'session_refused') this.refusedSessions += 1;
    if (record.event === 'action_started') this.#action(record.request_id).lineSha256 = record.line_sha256;
    if (record.event === 'action_ended') {
      this.#action(record.request_id).ended = { answerSha256: record.answer_sha256 };
    }
    if (record.event === 'refused' && record.request_id !== null) {
      Object.assign(this.#action(record.request_id), { lineSha256: record.line_sha256, isRefused: true });
    }
  }

  #action(id: number): RecordedAction {
    const known = this.actions.get(id) ?? {};
    this.actions.set(id, known);
    return known;
  }
}

function parseRecord(line: Buffer): AuditRecord | undefined {
  try {
    return AuditRecord.safeParse(JSON.parse(line.toString())).data;
  } catch {
    return undefined;
  }
}

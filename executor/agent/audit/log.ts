import { createHash, randomBytes } from 'node:crypto';
import { CHAIN_START } from '../../protocol/chain.ts';
import type { AuditRecord } from '../../protocol/record.ts';
import type { AuditSink } from './sink.ts';

type OmitChain<Record> = Record extends AuditRecord ? Omit<Record, 'seq' | 'at_ms' | 'prev' | 'session'> : never;

/** What happened, without its place in the chain. */
export type AuditEvent = OmitChain<AuditRecord>;

/** The log of one session. Each record carries the hash of the line before it, so none can be changed, dropped or moved unseen. */
export class AuditLog {
  readonly #sink: AuditSink;
  readonly #now: () => number;
  readonly #session = randomBytes(8).toString('hex');
  #seq = 0;
  #prev = CHAIN_START;

  constructor(sink: AuditSink, now: () => number) {
    this.#sink = sink;
    this.#now = now;
  }

  /** Appends one record; resolves when it has been written. Throws AuditUnavailable. One at a time. */
  async append(event: AuditEvent): Promise<void> {
    const record = { seq: ++this.#seq, at_ms: this.#now(), prev: this.#prev, session: this.#session, ...event };
    const line = Buffer.from(asciiJson(record));
    this.#prev = createHash('sha256').update(line).digest('hex');
    await this.#sink.write(Buffer.concat([line, Buffer.from('\n')]));
  }
}

/** JSON in plain ASCII: whatever a name or an argument holds, a record is one line, and no terminal does anything with it. */
function asciiJson(value: object): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

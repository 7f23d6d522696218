import { createHash } from 'node:crypto';
import * as z from 'zod';
import { Answer, Sha256 } from '../../../executor/protocol/index.ts';
import { Findings } from './findings.ts';

/** Of the relay's own transcript, what is compared; the rest of a record stays evidence and is not judged. */
const TranscriptRecord = z.discriminatedUnion('event', [
  z.object({ seq: z.int(), event: z.literal('connected'), serial: z.string() }),
  z.object({ seq: z.int(), event: z.literal('request'), bytes: z.int(), sha256: Sha256, line: z.string() }),
  z.object({ seq: z.int(), event: z.literal('answer'), bytes: z.int(), sha256: Sha256, line: z.string() }),
  z.object({ seq: z.int(), event: z.literal('ended') }),
]);
type TranscriptRecord = z.infer<typeof TranscriptRecord>;

const Numbered = z.object({ id: z.int().min(1) });

/** What the relay says of one request. */
export interface SentRequest {
  readonly lineSha256: string;
  answer?: { readonly isRefusal: boolean; readonly lineSha256: string };
}

/** Reads relay.ndjson line by line: what was sent, what was answered, how it ended. */
export class RelayWitness {
  records = 0;
  firstSeq: number | null = null;
  lastSeq: number | null = null;
  /** Certificate serials of the sessions it opened. */
  readonly sessions: string[] = [];
  readonly requests = new Map<number, SentRequest>();
  readonly findings = new Findings();
  #ended = 0;

  readonly onLine = (line: Buffer | undefined): void => {
    this.records += 1;
    const record = line === undefined ? undefined : parse(TranscriptRecord, line.toString());
    if (record === undefined || !isWhole(record)) {
      this.findings.add('record_unreadable', 'relay', `record ${this.records}`);
      return;
    }
    this.#follow(record);
    this.#note(record);
  };

  /** After the last line: what is still open. */
  end(): void {
    const open = this.sessions.length - this.#ended;
    if (open > 0) this.findings.add('transcript_not_ended', 'relay', `${open} of ${this.sessions.length} sessions`);
  }

  /** Numbers run on without a hole and begin anew with each session. */
  #follow(record: TranscriptRecord): void {
    this.firstSeq ??= record.seq;
    const expected = (this.lastSeq ?? 0) + 1;
    if (record.seq !== expected && record.seq !== 1) {
      this.findings.add(
        'chain_broken',
        'relay',
        `record ${this.records}: expected number ${expected}, got ${record.seq}`,
      );
    }
    this.lastSeq = record.seq;
  }

  #note(record: TranscriptRecord): void {
    if (record.event === 'connected') this.sessions.push(record.serial);
    if (record.event === 'ended') this.#ended += 1;
    if (record.event === 'request') this.#noteRequest(record.line, record.sha256);
    if (record.event === 'answer') this.#noteAnswer(record.line, record.sha256);
  }

  #noteRequest(line: string, sha256: string): void {
    const id = parse(Numbered, line)?.id;
    if (id === undefined)
      this.findings.add('record_unreadable', 'relay', `record ${this.records}: a request without a number`);
    else this.requests.set(id, { lineSha256: sha256 });
  }

  #noteAnswer(line: string, lineSha256: string): void {
    const answer = parse(Answer, line);
    if (answer === undefined) {
      this.findings.add('record_unreadable', 'relay', `record ${this.records}: not an answer`);
      return;
    }
    const request = answer.id === null ? undefined : this.requests.get(answer.id);
    if (request !== undefined) request.answer = { isRefusal: answer.status === 'refused', lineSha256 };
    const lost = answer.status === 'ok' && answer.action === 'check_health' ? (answer.result.audit.lost ?? 0) : 0;
    if (lost > 0) this.findings.add('audit_lost', 'audit', `${lost} records, by the kernel's own count`);
  }
}

/** A transcript's line must be what its digest says. */
function isWhole(record: TranscriptRecord): boolean {
  if (record.event !== 'request' && record.event !== 'answer') return true;
  return createHash('sha256').update(record.line).digest('hex') === record.sha256;
}

function parse<T extends z.ZodType>(schema: T, text: string): z.infer<T> | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

import { Findings } from './findings.ts';
import { type Fields, isDigest, isNatural, isOrdinal, isText, readFields } from './json.ts';
import { LineChain } from './line-chain.ts';

/** Calls examined one by one: a run makes some ten. */
const PROVIDER_RECORDS_MAX = 100_000;

const PROVIDER_EVENTS: Readonly<Record<string, (fields: Fields) => boolean>> = {
  called: ({ call, resource }) => isText(call) && isText(resource),
  returned: ({ ok }) => typeof ok === 'boolean',
};

/** Reads provider.ndjson line by line: each call that makes or ends a resource, before it is made and when it is over. */
export class ProviderWitness {
  records = 0;
  firstSeq: number | null = null;
  lastSeq: number | null = null;
  readonly findings = new Findings();
  readonly #open = new Set<number>();
  readonly #chain = new LineChain();

  readonly onLine = (line: Buffer | undefined): void => {
    this.records += 1;
    if (this.records === PROVIDER_RECORDS_MAX + 1)
      this.findings.add('too_many_records', 'provider', `after ${PROVIDER_RECORDS_MAX}`);
    if (this.records > PROVIDER_RECORDS_MAX) return;
    const before = this.#chain.take(line);
    const fields = readFields(line) ?? {};
    const { seq, at_ms, prev, event, number } = fields;
    const isKnown = isText(event) && Object.hasOwn(PROVIDER_EVENTS, event) && PROVIDER_EVENTS[event]?.(fields) === true;
    if (!isOrdinal(seq) || !isNatural(at_ms) || !isDigest(prev) || !isOrdinal(number) || !isKnown) {
      this.findings.add('record_unreadable', 'provider', `record ${this.records}`);
      return;
    }
    const expected = (this.lastSeq ?? 0) + 1;
    if (seq !== expected)
      this.findings.add('chain_broken', 'provider', `record ${this.records}: expected number ${expected}, got ${seq}`);
    if (prev !== before)
      this.findings.add('chain_broken', 'provider', `record ${this.records}: does not follow from the one before`);
    this.firstSeq ??= seq;
    this.lastSeq = seq;
    if (event === 'called') this.#open.add(number);
    else this.#open.delete(number);
  };

  /** After the last line: what is still open. */
  end(): void {
    for (const number of this.#open) this.findings.add('call_not_ended', 'provider', `call ${number}`);
  }
}

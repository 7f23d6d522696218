import { Findings } from './findings.ts';
import { isDigest, readFields } from './json.ts';
import { LineChain } from './line-chain.ts';

/** Reads engine.ndjson line by line: what it says is Pulumi's, that it is whole is ours. */
export class EngineWitness {
  records = 0;
  readonly findings = new Findings();
  readonly #chain = new LineChain();

  readonly onLine = (line: Buffer | undefined): void => {
    this.records += 1;
    const before = this.#chain.take(line);
    const { prev } = readFields(line) ?? {};
    const at = `record ${this.records}`;
    if (!isDigest(prev)) this.findings.add('record_unreadable', 'engine', at);
    else if (prev !== before) this.findings.add('chain_broken', 'engine', `${at}: does not follow from the one before`);
  };
}

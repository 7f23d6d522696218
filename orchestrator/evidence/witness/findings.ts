import type { StreamName } from '../format/streams.ts';
import type { Finding, FindingCode } from '../format/findings.ts';

/** Findings of one kind that are kept: a flooded log would otherwise fill the manifest, and ten say what a thousand would. */
const SAME_KIND_MAX = 10;

/** Collects findings in the order they are made. Details are ours: nothing a guest wrote stands in them. */
export class Findings {
  readonly list: Finding[] = [];
  readonly #counts = new Map<string, number>();

  add(code: FindingCode, stream: StreamName, detail: string): void {
    const kind = `${code} ${stream}`;
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    if (count <= SAME_KIND_MAX) this.list.push({ code, stream, detail });
  }
}

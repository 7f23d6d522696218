/** Every check of a bundle, in the order in which it is made. Their names are stable. */
export const CHECKS = {
  folder: 'only plain files with flat names',
  seal_files: 'manifest, statement, envelope and key are there',
  evidence_key: 'the evidence key is one public key, in its one form',
  evidence_signature: 'the envelope is signed by that key',
  evidence_signer: 'that key is one you trust',
  manifest: 'the manifest is canonical and follows its schema',
  statement: 'what is signed is this manifest and nothing else',
  file_list: 'every file is listed, and every listed file is there',
  file_digests: 'every file has the size and SHA-256 that were signed',
  merkle_root: 'the Merkle root follows from the list',
  verdict: 'streams, executor chain and findings are as the manifest says',
  archive_record: 'archive.json shows every file under the lock that was asked',
  receipt_files: 'the receipt of destruction is there',
  receipt_key: 'the receipt key is one public key, and not the evidence key',
  receipt_signature: 'the receipt is signed by that key',
  receipt_signer: 'that key is one you trust with receipts',
  receipt_statement: 'the receipt is canonical and follows its schema',
  receipt_binding: 'the receipt is of this run, this evidence and this archive record',
  absence: 'every id was found gone twice, after its deletion',
  receipt_ids: 'every id that was known when the evidence was sealed is among them',
  timestamp: 'the timestamp holds, and is over this envelope',
  timestamp_authority: 'its authority is one you trust',
  late_archive: 'what was archived after the burn is signed for, under the lock that was asked',
} as const;

export type CheckCode = keyof typeof CHECKS;

/**
 * One check and how it went; `not_checked` where something is missing that would be checked, or nobody said whom to trust; `not_asked` where there is
 * nothing to check and nothing is missing; `skipped` after the first failure.
 */
export interface Check {
  readonly code: CheckCode;
  readonly what: string;
  readonly status: 'ok' | 'failed' | 'not_checked' | 'not_asked' | 'skipped';
  readonly detail: string;
}

/** Thrown inside a check: it failed. */
export class CheckFailed extends Error {
  override readonly name = 'CheckFailed';

  constructor(expected: string, got: string) {
    super(`expected ${expected}, got ${got}`);
  }
}

/** What a check showed, and a word about it for the list. */
export type Shown<T> = readonly [value: T, detail: string];

/** Makes checks one by one and keeps the list. */
export class CheckList {
  readonly #done = new Map<CheckCode, Check>();

  /** Makes one check: the value it showed goes on, the word about it stands in the list; what it throws ends the list. */
  async check<T>(code: CheckCode, run: () => Shown<T> | Promise<Shown<T>>): Promise<T> {
    try {
      const [value, detail] = await run();
      this.#note(code, 'ok', detail);
      return value;
    } catch (error) {
      this.#note(code, 'failed', error instanceof Error ? error.message : String(error));
      throw error;
    }
  }

  /** Says that one check could not be made. */
  pass(code: CheckCode, why: string): void {
    this.#note(code, 'not_checked', why);
  }

  /** Says that there is nothing to check, because nobody asked for it: no reason to doubt anything. */
  nothing(code: CheckCode, why: string): void {
    this.#note(code, 'not_asked', why);
  }

  /** All checks, those after the first failure as skipped. */
  list(): readonly Check[] {
    return Object.entries(CHECKS).map(
      ([code, what]) =>
        this.#done.get(code as CheckCode) ?? {
          code: code as CheckCode,
          what,
          status: 'skipped',
          detail: 'not reached',
        },
    );
  }

  #note(code: CheckCode, status: Check['status'], detail: string): void {
    this.#done.set(code, { code, what: CHECKS[code], status, detail });
  }
}

import { createHash } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  type CheckCode,
  LATE_FILE,
  TIMESTAMP_FILE,
  type Verification,
  verifyBundle,
} from '../../orchestrator/evidence/index.ts';
import { runVerifyFile } from '../support/verify-file.ts';
import { keyFile, layOut, readCases, trustOf, TSA_CA } from '../support/vectors.ts';
import { type Mutant, mutantsOf, readFiles } from '../support/mutants.ts';

/*
 * The real bundle of test/vectors, changed in one way at a time: whatever it is, it must be refused. BURNBAG_MUTANTS=N flips N bytes of each
 * larger file instead (a million: every byte).
 */
const FLIPS_PER_FILE = Number(process.env['BURNBAG_MUTANTS'] ?? 250);
const OTHERS_PER_FILE = 20;
const MUTANTS_MIN = 5_000;
/** One mutant of so many is also shown to verify.mjs, which takes a process each time. */
const SHOWN_TO_FILE = 150;
/** Idle it takes twenty seconds; with every byte flipped, as many minutes. */
const TIMEOUT_MS = 1_800_000;
const KEYS = { evidence: keyFile('evidence'), receipt: keyFile('receipt') };
const SEED = Date.now() & 0x7fffffff;

/** What is changed: all of the bundle, and the one file that others have in its place when it came late into the archive. */
const BUNDLES = [{ of: undefined }, { of: 'archived-late', only: LATE_FILE }] as const;
/** Without its record such a bundle is what it was at the burn: sealed, burned, and, as a verifier then says, not known to be archived. */
const BEFORE_IT_CAME = `delete ${LATE_FILE}`;

test(
  'is refused after any single flip, cut, deletion, doubling, swap or addition, in any of its files',
  { timeout: TIMEOUT_MS },
  async () => {
    await using file = await runVerifyFile();
    const trust = await trustOf();
    const [survivors, disagreements]: [string[], string[]] = [[], []];
    const [kinds, checks, seen] = [new Map<string, number>(), new Set<CheckCode>(), new Set<string>()];
    for (const { of: name, ...rest } of BUNDLES) {
      await using laid = await layOut((await readCases()).find((one) => one.name === name));
      const originals = readFiles(laid.dir);
      expect((await verifyBundle(laid.dir, trust)).verdict).toBe('verified');
      for (const mutant of mutantsOf(laid.dir, { flips: FLIPS_PER_FILE, others: OTHERS_PER_FILE, ...rest }, SEED)) {
        if (seen.has(identity(mutant))) continue;
        seen.add(identity(mutant));
        apply(laid.dir, mutant);
        const found = await verifyBundle(laid.dir, trust);
        const { verdict, firstFailure } = found;
        if (mutant.what === BEFORE_IT_CAME) expect(unchecked(found)).toContain('late_archive');
        else if (verdict !== 'refused' || firstFailure === undefined) survivors.push(mutant.what);
        else checks.add(firstFailure.code);
        if (seen.size % SHOWN_TO_FILE === 0) {
          const { report, code } = await file.run(laid.dir, KEYS, { tsaCa: TSA_CA });
          if (code !== 81 || report.first_failure?.detail !== firstFailure?.detail) disagreements.push(mutant.what);
        }
        restore(laid.dir, mutant, originals);
        kinds.set(mutant.kind, (kinds.get(mutant.kind) ?? 0) + 1);
      }
      expect((await verifyBundle(laid.dir, trust)).verdict).toBe('verified');
    }
    expect({ survivors, disagreements }, `seed ${SEED}`).toEqual({ survivors: [], disagreements: [] });
    expect(seen.size).toBeGreaterThanOrEqual(MUTANTS_MIN);
    expect([...seen].filter((one) => one.startsWith(LATE_FILE)).length).toBeGreaterThan(FLIPS_PER_FILE);
    expect([...seen].filter((one) => one.startsWith(TIMESTAMP_FILE)).length).toBeGreaterThan(FLIPS_PER_FILE);
    expect(kinds.size).toBeGreaterThanOrEqual(13);
    expect(checks.size).toBeGreaterThan(10);
  },
);

function unchecked({ checks }: Verification): readonly CheckCode[] {
  return checks.filter(({ status }) => status === 'not_checked').map(({ code }) => code);
}

/** Two mutants that come to the same bytes are one. */
function identity({ changes }: Mutant): string {
  return [...changes]
    .map(([name, bytes]) => `${name} ${bytes === null ? '' : createHash('sha256').update(bytes).digest('hex')}`)
    .join();
}

function apply(dir: string, { changes }: Mutant): void {
  for (const [name, bytes] of changes) {
    if (bytes === null) rmSync(join(dir, name));
    else writeFileSync(join(dir, name), bytes);
  }
}

function restore(dir: string, { changes }: Mutant, originals: ReadonlyMap<string, Buffer>): void {
  for (const name of changes.keys()) {
    const bytes = originals.get(name);
    if (bytes === undefined) rmSync(join(dir, name));
    else writeFileSync(join(dir, name), bytes);
  }
}

import { join } from 'node:path';

/**
 * `npm run bench [-- ROUNDS]` compares Burnbag with a stock cloud VM; `npm run bench -- engine [ROUNDS]` measures the deployment engine alone,
 * `evidence [ROUNDS]` what recording costs, `verify [ROUNDS]` what sealing and verifying take, `executor [ROUNDS]` agent-exec's size and start,
 * `scratch [ROUNDS]` what encrypting the scratch disk costs, `burn [ROUNDS]` how long a burn takes, and a recovery.
 */
const ROOT = join(import.meta.dirname, '..');
const HOME = process.env['BURNBAG_HOME'] ?? join(ROOT, '.burnbag');
/** A round of the comparison boots two VMs, one of the engine takes seconds. */
const ROUNDS = { sideBySide: 5, engine: 20, evidence: 5, executor: 10, scratch: 7, burn: 20 };

const [first = '', second = ''] = process.argv.slice(2);
if (first === 'engine' && isCount(second)) {
  const { benchEngine } = await import('./engine.ts');
  await benchEngine(ROOT, countOf(second, ROUNDS.engine));
} else if (first === 'journal' && second === '') {
  const { benchJournal } = await import('./journal.ts');
  await benchJournal(ROOT);
} else if (first === 'evidence' && isCount(second)) {
  const { benchEvidence } = await import('./evidence.ts');
  await benchEvidence(ROOT, countOf(second, ROUNDS.evidence));
} else if (first === 'verify' && isCount(second)) {
  const { benchVerify } = await import('./evidence-verify.ts');
  await benchVerify(ROOT, countOf(second, ROUNDS.evidence));
} else if (first === 'executor' && isCount(second)) {
  const { benchExecutor } = await import('./executor.ts');
  await benchExecutor(ROOT, HOME, countOf(second, ROUNDS.executor));
} else if (first === 'scratch' && isCount(second)) {
  const { benchScratch } = await import('./scratch.ts');
  await benchScratch(ROOT, countOf(second, ROUNDS.scratch));
} else if (first === 'burn' && isCount(second)) {
  const { benchBurn } = await import('./burn.ts');
  await benchBurn(ROOT, HOME, countOf(second, ROUNDS.burn));
} else if (isCount(first) && second === '') {
  const { benchSideBySide } = await import('./side-by-side.ts');
  await benchSideBySide(ROOT, HOME, countOf(first, ROUNDS.sideBySide));
} else {
  console.error(
    `bench: expected nothing, ROUNDS, engine [ROUNDS], evidence [ROUNDS], verify [ROUNDS], executor [ROUNDS], scratch [ROUNDS] or burn [ROUNDS]; got ${process.argv.slice(2).join(' ')}`,
  );
  process.exitCode = 64;
}

function isCount(text: string): boolean {
  return text === '' || /^[1-9][0-9]{0,2}$/.test(text);
}

function countOf(text: string, otherwise: number): number {
  return text === '' ? otherwise : Number(text);
}

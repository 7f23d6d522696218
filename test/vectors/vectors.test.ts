import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHECKS, reportOf, verifyBundle, type VerificationReport } from '../../orchestrator/evidence/index.ts';
import { verifyFile } from '../../tools/verify-file/build.ts';
import { runProgram, runVerifyFile, type VerifyFile } from '../support/verify-file.ts';
import { keyFile, layOut, readCases, trustOf, TSA_CA, type VectorCase } from '../support/vectors.ts';

const CASES = await readCases();

/** Every Node of this machine that the file says it runs on: the one of these tests, and an older one on PATH where there is one. */
const OLDER = await olderNode();
const NODES = [process.execPath, ...(OLDER === undefined ? [] : [OLDER])];

let file: VerifyFile;
beforeAll(async () => {
  file = await runVerifyFile();
});
afterAll(() => file[Symbol.asyncDispose]());

test('at least one case fails each check', () => {
  const failed = new Set(CASES.map(({ expect: { first_failure: code } }) => code));
  expect(Object.keys(CHECKS).filter((code) => !failed.has(code as keyof typeof CHECKS))).toEqual([]);
});

describe.each(CASES)('$name', (one) => {
  test('is what cases.json says: $expect', async () => {
    await using laid = await layOut(one);
    const found = await verifyBundle(laid.dir, await trustOf(one.trusted));
    expect({ verdict: found.verdict, first_failure: found.firstFailure?.code ?? null }).toEqual(one.expect);
  });

  test('is the same for verify.mjs, check by check, word by word', async () => {
    await using laid = await layOut(one);
    const ours = reportOf(laid.dir, await verifyBundle(laid.dir, await trustOf(one.trusted)));
    for (const node of NODES) {
      const { code, report } = await file.run(laid.dir, keysFor(one), {
        node,
        tsaCa: one.trusted.includes('tsa') ? TSA_CA : undefined,
      });
      expect(withoutTime(report)).toEqual(withoutTime(ours));
      expect(code).toBe(one.expect.verdict === 'verified' ? 0 : 81);
    }
  });
});

describe('verify.mjs', () => {
  test('has the same bytes whenever it is made, and imports nothing but node:', async () => {
    const text = await verifyFile();
    expect(await verifyFile()).toBe(text);
    const imports = text.match(/^import .*$|\bimport\(.*$|\brequire\(.*$/gm) ?? [];
    expect(imports.length).toBeGreaterThan(3);
    for (const line of imports) expect(line).toMatch(/^import \{ [\w, ]+ \} from 'node:[a-z/]+';$/);
  });

  test('keeps its comments, and says where each part begins', async () => {
    const lines = (await verifyFile()).split('\n');
    const contents = lines.flatMap((line) => /^ \* {3}line +(\d+) {2}(Part \d+\. .*)$/.exec(line)?.slice(1) ?? []);
    expect(contents.length).toBeGreaterThan(8);
    for (let at = 0; at < contents.length; at += 2)
      expect(lines[Number(contents[at]) - 1]).toBe(`// ${contents[at + 1] ?? ''}`);
    expect(lines.filter((line) => /^\s*(\/\*\*|\*|\/\/)/.test(line)).length).toBeGreaterThan(150);
  });

  test('prints what was checked item by item, the first thing that is wrong, and nothing a terminal would obey', async () => {
    await using laid = await layOut({ ...named('untouched'), added: { 'a\u001b[2J\u202eb': 'x' } });
    const { code, stdout, stderr } = await file.start([laid.dir, '--evidence-key', keyFile('evidence')]);
    expect(code).toBe(81);
    expect(stderr).toBe('');
    expect(stdout.split('\n').filter((line) => /^ {2}[✔✘?·] /.test(line)).length).toBe(Object.keys(CHECKS).length);
    expect(stdout).toContain('first thing wrong: only plain files with flat names');
    expect(stdout.replaceAll(/[✔✘·]/g, '')).toMatch(/^[\x20-\x7e\n]*$/);
  });

  test('says how many bytes of evidence it read, also of evidence that it refuses', async () => {
    const bytesOf = async (name: string) => {
      await using laid = await layOut(named(name));
      return (await file.run(laid.dir, {})).report.bytes;
    };
    expect(await bytesOf('one-byte')).toBe(await bytesOf('untouched'));
    expect(await bytesOf('one-byte')).toBeGreaterThan(0);
    expect(await bytesOf('signature-of-something-else')).toBe(0);
  });

  test.each([
    ['untouched', /^ {2}✔ the timestamp holds/m, /^ {2}\? its authority is one you trust · not checked against a CA/m],
    ['no-timestamp-and-why', /^ {2}\? the timestamp holds.*none, and the receipt says why/m, /there is no timestamp/],
    ['sealed-late', /^ {2}· no timestamp: none is asked for over a seal/m, /^ {2}· so there is no authority of one/m],
  ])('tells a timestamp, one that did not come and one that nobody asked for apart: %s', async (name, ...rows) => {
    await using laid = await layOut(named(name));
    const { stdout } = await file.start([laid.dir]);
    for (const row of rows) expect(stdout).toMatch(row);
  });

  test.each([
    ['no folder', [], 64],
    ['two folders', ['a', 'b'], 64],
    ['an option it has not', ['--force', 'a'], 64],
    ['a key file that is none', ['a', '--evidence-key', import.meta.filename], 66],
    ['a key file that is not there', ['a', '--receipt-key', '/nowhere'], 66],
    ['an authority’s file that is none', ['a', '--tsa-ca', import.meta.filename], 66],
    ['a folder that is not there', ['/nowhere'], 81],
  ])('with %s ends with its exit code', async (_, args, expected) => {
    expect((await file.start(args)).code).toBe(expected);
  });

  test.skipIf(OLDER === undefined)('runs on an older Node than ours too (skipped where PATH has none)', () => {
    expect(NODES.length).toBe(2);
  });
});

function named(name: string): VectorCase {
  const found = CASES.find((one) => one.name === name);
  if (found === undefined) throw new Error(`expected a case ${name}`);
  return found;
}

function keysFor({ trusted }: VectorCase): Record<string, string> {
  return Object.fromEntries(trusted.flatMap((one) => (one === 'tsa' ? [] : [[one, keyFile(one)]])));
}

function withoutTime(report: VerificationReport) {
  return { ...report, duration_ms: 0 };
}

/** A Node on PATH from 20 on that is older than ours. */
async function olderNode(): Promise<string | undefined> {
  for (const place of (process.env['PATH'] ?? '').split(delimiter)) {
    const { stdout } = await runProgram(join(place, 'node'), ['--version']).catch(() => ({ stdout: '' }));
    const major = Number(/^v(\d+)\./.exec(stdout)?.[1] ?? 0);
    if (major >= 20 && major < Number(process.versions.node.split('.')[0])) return join(place, 'node');
  }
  return undefined;
}

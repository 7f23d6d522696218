import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ACTION_NAMES } from '../protocol/index.ts';
import { CATALOGUE } from './catalogue.ts';

/*
 * What an action consists of: one file in actions/, one row in the table of contracts, one row in the catalogue. Shown by adding one to a
 * copy of the sources, with nothing else changed, and asking for it in a real session.
 */
const ROOT = join(import.meta.dirname, '../..');
const FILE = `import { release } from 'node:os';
export function run() {
  return { release: release() };
}
`;
const CONTRACT = `
  kernel_release: contract({
    args: none,
    result: z.strictObject({ release: z.string() }),
    limits: none,
    measure: () => ({}),
    targets: () => [],
  }),
`;
const ROW = { why: 'x', paths: [], limits: { why: 'x' } };

let copy: string;
beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'burnbag-new-action-'));
  for (const name of ['executor', 'policies']) cpSync(join(ROOT, name), join(copy, name), { recursive: true });
  for (const name of ['node_modules', 'package.json']) symlinkSync(join(ROOT, name), join(copy, name));
  writeFileSync(join(copy, 'executor/agent/actions/kernel_release.ts'), FILE);
  edit('executor/protocol/contracts.ts', (text) => text.replace('export const CONTRACTS = {', `$&${CONTRACT}`));
});
afterAll(() => {
  rmSync(copy, { recursive: true, force: true });
});

function edit(path: string, change: (text: string) => string): void {
  const text = readFileSync(join(copy, path), 'utf8');
  const changed = change(text);
  if (changed === text) throw new Error(`expected ${path} to change`);
  writeFileSync(join(copy, path), changed);
}

/** Asks for the new action in a session of the copy's own agent. */
async function ask(): Promise<unknown> {
  const client = (await import(
    join(copy, 'executor/testing/session-client.ts')
  )) as typeof import('../testing/session-client.ts');
  const sandboxes = (await import(join(copy, 'executor/testing/sandbox.ts'))) as typeof import('../testing/sandbox.ts');
  using sandbox = sandboxes.makeSandbox();
  const actions = [{ action: 'kernel_release', limits: {} }] as never;
  await using session = client.SessionClient.open(sandbox, sandboxes.makeGrant({ actions }));
  return await session.request('kernel_release', {});
}

describe('a new action', () => {
  it('is refused while the catalogue has no row for it', async () => {
    expect(await ask()).toMatchObject({ status: 'refused', error: { code: 'NOT_IN_CATALOGUE' } });
  });

  it('is one file and its rows: then it is parsed, granted, recorded and carried out', async () => {
    edit('policies/catalogue.json', (text) => {
      const catalogue = JSON.parse(text) as { actions: Record<string, unknown> };
      catalogue.actions['kernel_release'] = ROW;
      return JSON.stringify(catalogue);
    });
    expect(await ask()).toMatchObject({ status: 'ok', result: { release: expect.any(String) as string } });
  });

  it('has nothing else: every contract has its file and its row, and there is no file or row without a contract', () => {
    const files = readdirSync(join(import.meta.dirname, 'actions')).map((name) => name.replace(/\.ts$/, ''));
    expect(files.sort()).toEqual([...ACTION_NAMES].sort());
    expect(Object.keys(CATALOGUE.actions).sort()).toEqual([...ACTION_NAMES].sort());
  });
});

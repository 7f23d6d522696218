import { join } from 'node:path';
import { isInPlace, type ItemName } from '../orchestrator/setup/item.ts';
import { renderSetupEvent } from '../orchestrator/setup/render.ts';
import { ensureSetup, runSetup, type SetupOptions, type SetupResult } from '../orchestrator/setup/setup.ts';
import { ROOT, runPackage } from './programs.ts';

/** What the tests below a path need; the first row that fits decides. A path that no row names needs everything. */
const NEEDED_BELOW: readonly { path: RegExp; items: readonly ItemName[]; why: string }[] = [
  { path: /^(tools|policies|executor\/protocol)(\/|$)/, items: [], why: 'plain code' },
  { path: /^infra\/(engine|pulumi)(\/|$)/, items: [], why: 'the engine runs in this process' },
  {
    path: /^orchestrator\/(run|setup|policy|report|doors|ca|relay|operations)(\/|$)/,
    items: [],
    why: 'a journal in this process, an sshd of the host',
  },
  { path: /^orchestrator\/evidence(\/|$)/, items: ['archive-server'], why: 'a real S3 server with Object Lock' },
  { path: /^executor(\/|$)/, items: [], why: 'the agent is built by its own tests' },
  { path: /^images(\/|$)/, items: ['image'], why: 'looks into the image' },
  { path: /^infra\/local(\/|$)/, items: ['qemu', 'image'], why: 'boots a sandbox' },
  { path: /^test\/(support|vectors)(\/|$)/, items: [], why: 'not tests' },
];

/** Prepares what is missing, telling how it goes, then runs vitest on the given paths (all of them without one). */
export async function runTests(args: readonly string[]): Promise<number> {
  const setup = await prepare(args.filter((arg) => !arg.startsWith('-')));
  if (!setup.ok) {
    const absent = setup.items.filter((item) => !isInPlace(item)).map((item) => item.item);
    console.error(`burnbag: the tests were not started; missing: ${absent.join(', ')}`);
    return 69;
  }
  return runPackage('vitest', 'vitest', ['run', ...args]);
}

/** What must be in place for the tests below these paths; undefined means everything. */
export function itemsFor(paths: readonly string[]): readonly ItemName[] | undefined {
  if (paths.length === 0) return undefined;
  const needed = new Set<ItemName>();
  for (const path of paths) {
    const row = NEEDED_BELOW.find((candidate) => candidate.path.test(path.replace(/^\.\//, '')));
    if (row === undefined) return undefined;
    row.items.forEach((item) => needed.add(item));
  }
  return [...needed];
}

async function prepare(paths: readonly string[]): Promise<SetupResult> {
  const only = itemsFor(paths);
  if (only?.length === 0) return { ok: true, items: [], durationMs: 0 };
  const options: SetupOptions = {
    home: process.env['BURNBAG_HOME'] ?? join(ROOT, '.burnbag'),
    root: ROOT,
    env: process.env,
    onEvent: (event) => {
      for (const line of renderSetupEvent(event)) console.error(line);
    },
  };
  return only === undefined ? ensureSetup(options) : runSetup({ ...options, only });
}

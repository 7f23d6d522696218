import type { ItemName } from '../orchestrator/setup/item.ts';
import { ensureSetup, requireSetup, runSetup, setupContext } from '../orchestrator/setup/setup.ts';
import { runPackage } from './programs.ts';
import { notPrepared, setupOptions } from './setup-options.ts';
import { ensureTestTools } from './test-tools.ts';

/** What the tests below a path need; the first row that fits decides. A path that no row names needs everything. */
const NEEDED_BELOW: readonly { path: RegExp; items: readonly ItemName[]; moto?: true; why: string }[] = [
  { path: /^(infra|test\/support)\/aws(\/|$)/, items: [], moto: true, why: 'an AWS that moto plays' },
  { path: /^(tools|policies)(\/|$)/, items: [], why: 'plain code' },
  { path: /^test\/(vectors|property\/bundle-mutation)/, items: [], why: 'files, and the verifiers' },
  { path: /^executor(\/|$)/, items: [], why: 'the agent runs from its sources, and its build is a test' },
  { path: /^infra\/(engine|pulumi)(\/|$)/, items: [], why: 'the engine runs in this process' },
  { path: /^orchestrator\/evidence(\/|$)/, items: ['archive-server'], why: 'a real S3 server with Object Lock' },
  { path: /^orchestrator\/[a-z-]+/, items: [], why: 'a journal in this process, an sshd of this host' },
  { path: /^images(\/|$)/, items: ['image'], why: 'looks into the image' },
  { path: /^infra\/local(\/|$)/, items: ['qemu', 'image'], why: 'boots the kernel of the image' },
];

/** Prepares what is missing, telling how it goes, then runs vitest on the given paths (all of them without one). */
export async function runTests(args: readonly string[]): Promise<number> {
  try {
    await prepare(args.filter((arg) => !arg.startsWith('-')));
  } catch (error) {
    return notPrepared('the tests were not started', error);
  }
  return runPackage('vitest', 'vitest', ['run', ...args]);
}

/** What must be in place for the tests below these paths; undefined means everything. */
export function itemsFor(paths: readonly string[]): readonly ItemName[] | undefined {
  if (paths.length === 0) return undefined;
  const needed = new Set<ItemName>();
  for (const path of paths) {
    const row = rowOf(path);
    if (row === undefined) return undefined;
    row.items.forEach((item) => needed.add(item));
  }
  return [...needed];
}

/** Whether a test below these paths talks to moto. */
export function needsMoto(paths: readonly string[]): boolean {
  return paths.length === 0 || paths.map(rowOf).some((row) => row === undefined || row.moto === true);
}

function rowOf(path: string): (typeof NEEDED_BELOW)[number] | undefined {
  return NEEDED_BELOW.find((candidate) => candidate.path.test(path.replace(/^\.\//, '')));
}

async function prepare(paths: readonly string[]): Promise<void> {
  const options = setupOptions();
  const progress = (what: string): void => {
    console.error(`  … ${what}`);
  };
  await ensureTestTools({ ...setupContext(options), progress }, { moto: needsMoto(paths) });
  const only = itemsFor(paths);
  if (only?.length === 0) return;
  requireSetup(await (only === undefined ? ensureSetup(options) : runSetup({ ...options, only })));
}

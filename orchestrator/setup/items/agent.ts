import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { SetupError } from '../errors.ts';
import { digestOf, digestOfAll, removeLeftovers, sourcesBelow, WORK_PREFIX } from '../files.ts';
import type { Check, SetupContext, SetupItem } from '../item.ts';

/** agent-exec as one executable, made of this very Node and the executor's sources. */
export const agent: SetupItem = {
  name: 'agent',
  why: 'runs inside the sandbox',
  needs: ['data-directory'],
  expectedSeconds: 5,
  deadlineSeconds: 120,
  check,
  fix,
};

/** Where the executable lies; the image is made with it. */
export function agentFile(home: string): string {
  return join(home, 'agent', 'agent-exec');
}

/** Sources and libraries that end up in the executable. */
const SOURCES = [
  'executor',
  'policies/catalogue.json',
  'node_modules/zod/package.json',
  'node_modules/esbuild/package.json',
];

/** Beside the executable: what it was made from, and its digest. */
const Built = z.strictObject({ node: z.string(), sources: z.string(), sha256: z.string() });

async function check(context: SetupContext): Promise<Check> {
  const whatToDo = './burnbag setup';
  const built = await readBuilt(context.home);
  if (built === undefined) return { state: 'missing', what: 'agent-exec', whatToDo };
  if (built.node !== process.version || built.sources !== (await digestOfSources(context)))
    return { state: 'missing', what: 'agent-exec from the present sources', whatToDo };
  const sha256 = await digestOf(agentFile(context.home)).catch(() => 'absent');
  if (sha256 !== built.sha256)
    return { state: 'missing', what: 'agent-exec as it was built: the file changed since', whatToDo };
  return {
    state: 'ok',
    what: `agent-exec ${sha256.slice(0, 12)} with Node ${built.node}`,
    details: { sha256, node: built.node },
  };
}

async function fix(context: SetupContext): Promise<void> {
  refuseSharedLibraries();
  const folder = join(context.home, 'agent');
  await mkdir(folder, { recursive: true });
  await removeLeftovers(folder);
  const work = await mkdtemp(join(folder, WORK_PREFIX));
  try {
    const sources = await digestOfSources(context);
    const { buildAgent } = await import('../../../executor/build.ts');
    const { sha256 } = await buildAgent({ outFile: agentFile(context.home), workDir: work });
    await writeFile(join(work, 'built.json'), `${JSON.stringify({ node: process.version, sources, sha256 })}\n`);
    await rename(join(work, 'built.json'), builtFile(context.home));
  } catch (cause) {
    if (cause instanceof SetupError) throw cause;
    const said = {
      expected: 'agent-exec to build',
      got: (cause as Error).message,
      hint: 'check the free disk space, then run: npm run typecheck',
    };
    throw new SetupError('agent_build_failed', said, { cause });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** A Node that wants libraries of this host would not start in the sandbox. The official builds carry all of theirs. */
function refuseSharedLibraries(): void {
  const shared = Object.entries(process.config.variables).filter(
    ([name, value]) => name.startsWith('node_shared') && value === true,
  );
  if (shared.length === 0) return;
  throw new SetupError('agent_build_failed', {
    expected: 'a Node that carries its libraries, as the official builds do',
    got: `${process.execPath}, which was built with ${shared.map(([name]) => name).join(', ')}`,
    hint: 'take that Node off PATH, and ./burnbag fetches the pinned one',
  });
}

async function digestOfSources({ root }: SetupContext): Promise<string> {
  const paths = await Promise.all(SOURCES.map((name) => sourcesBelow(join(root, name))));
  return digestOfAll(
    root,
    paths.flat().filter((path) => !path.includes('/executor/testing/')),
  );
}

async function readBuilt(home: string): Promise<z.infer<typeof Built> | undefined> {
  const text = await readFile(builtFile(home), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return Built.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function builtFile(home: string): string {
  return join(home, 'agent', 'built.json');
}

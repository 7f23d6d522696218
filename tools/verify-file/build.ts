import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { format } from 'prettier';
import { ROOT } from '../programs.ts';
import { type Module, readModules } from './modules.ts';
import { PARTS, type Part } from './parts.ts';

/** Where the command line of the verifier begins. */
const ENTRY = join(ROOT, 'orchestrator/evidence/verify/command-line.ts');
export const VERIFY_FILE = join(ROOT, 'dist', 'verify.mjs');

/** `npm run build:verify`: writes dist/verify.mjs. */
export async function buildVerifyFile(): Promise<number> {
  await mkdir(dirname(VERIFY_FILE), { recursive: true });
  await writeFile(VERIFY_FILE, await verifyFile(), { mode: 0o755 });
  console.log(`${relative(ROOT, VERIFY_FILE)}: ${(await verifyFile()).split('\n').length} lines`);
  return 0;
}

/**
 * The verifier as one file for plain Node: the very modules that `burnbag verify` runs, without their types, one below the other, comments and
 * names kept. Made from the sources alone, so the same sources give the same bytes.
 */
export async function verifyFile(): Promise<string> {
  const modules = readModules(ENTRY);
  const parts = PARTS.map((part) => ({ part, modules: sortPart(part, modules) }));
  requireAllPlaced(
    modules,
    parts.flatMap((one) => one.modules),
  );
  requireUniqueNames(modules);
  const body = await format(
    [importsOf(modules), ...parts.map(({ part, modules: own }, at) => renderPart(part, at, own)), CALL].join('\n\n'),
    { parser: 'babel', singleQuote: true, printWidth: 120 },
  );
  return withContents(body);
}

const CALL = 'process.exitCode = await main(process.argv.slice(2));\n';

/** In a part, readers of the file go from the caller to what is called, except where a value must exist before another is made of it. */
function sortPart({ folders, calleesFirst }: Part, modules: readonly Module[]): readonly Module[] {
  const own = modules.filter(({ path }) => folders.some((folder) => path.startsWith(folder)));
  return calleesFirst ? own : [...own].reverse();
}

function requireAllPlaced(modules: readonly Module[], placed: readonly Module[]): void {
  for (const { path } of modules) {
    const times = placed.filter((one) => one.path === path).length;
    if (times !== 1)
      throw new Error(
        `expected ${path} to stand in one part of verify.mjs, got ${times}; see tools/verify-file/parts.ts`,
      );
  }
}

/** In one file two modules cannot both have a name, not even one that neither exports. */
function requireUniqueNames(modules: readonly Module[]): void {
  const homes = new Map<string, string>();
  for (const { path, names } of modules) {
    for (const name of names) {
      const other = homes.get(name);
      if (other !== undefined)
        throw new Error(`expected every name of the verifier once, got ${name} in ${other} and ${path}; rename one`);
      homes.set(name, path);
    }
  }
}

function importsOf(modules: readonly Module[]): string {
  const imports = new Map<string, Set<string>>();
  for (const { builtins } of modules)
    for (const [from, names] of builtins) imports.set(from, new Set([...(imports.get(from) ?? []), ...names]));
  return [...imports]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([from, names]) => `import { ${[...names].sort().join(', ')} } from '${from}';`)
    .join('\n');
}

function renderPart({ title, why }: Part, at: number, modules: readonly Module[]): string {
  const rule = '='.repeat(100);
  const sections = modules.map(
    ({ path, code }) => `// ---- ${path} ${'-'.repeat(Math.max(0, 90 - path.length))}\n\n${code}`,
  );
  return [`// ${rule}\n// Part ${at + 1}. ${title}\n// ${why}\n// ${rule}`, ...sections].join('\n\n');
}

/** The first lines say where each part begins; they have as many lines as parts, so their own length is known. */
function withContents(body: string): string {
  const starts = [...body.matchAll(/^\/\/ Part \d+\. .*$/gm)];
  const head = (lines: readonly string[]): string => `${HEAD}${lines.join('\n')}\n */\n\n`;
  const offset = head(starts.map(() => '')).split('\n').length - 1;
  const contents = starts.map(({ 0: title, index }) => {
    const line = body.slice(0, index).split('\n').length + offset;
    return ` *   line ${String(line).padStart(5)}  ${title.slice(3)}`;
  });
  return head(contents) + body;
}

const HEAD = `#!/usr/bin/env node
/*
 * verify.mjs: checks the evidence of one Burnbag run, offline. Node 20 or newer, nothing else; it reads one folder and writes nothing.
 *
 *   node verify.mjs BUNDLE --evidence-key evidence.pub --receipt-key receipt.pub [--tsa-ca ca.pem]
 *
 * The two keys are what you must have got from somewhere else than the bundle: they say whose signatures count. So is, where the bundle has a
 * timestamp, the certificate of its authority's CA.
 * The format is described in docs/evidence-format.md. Begin with Part 1, checkBundle: it is the list of checks, in their order.
 * This file was made by \`npm run build:verify\` from the sources named in it, without their types; the same sources give the same bytes.
 *
`;

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, run, runPackage } from './programs.ts';

/** Longer than this a file is more than one idea. */
const LINES_MAX = 300;
/** What may be longer: generated, or one text by nature. */
const MAY_BE_LONGER =
  /(^|\/)(package-lock\.json|LICENSE|CHANGELOG\.md|.*\.lock\.json)$|^bench\/results\/|\/(vectors|fixtures|golden)\//;

/** Everything `npm run lint` checks, all of it even where a part fails. Paths narrow down prettier and ESLint. */
export async function lintSources(paths: readonly string[]): Promise<number> {
  const where = paths.length === 0 ? ['.'] : paths;
  const results = [
    await runPackage('prettier', 'prettier', ['--check', '--log-level', 'warn', ...cached('prettier'), ...where]),
    await runPackage('eslint', 'eslint', ['--max-warnings', '0', '--no-warn-ignored', ...cached('eslint'), ...where]),
    await runPackage('dependency-cruiser', 'depcruise', ['--config', '.dependency-cruiser.cjs', ...sourceFolders()]),
    await checkShell(),
    checkLengths(),
  ];
  return results.every((code) => code === 0) ? 0 : 1;
}

/** Checks types, anew for what changed and whatever that touches. */
export function checkTypes(args: readonly string[]): Promise<number> {
  const cache = isThorough() ? [] : ['--incremental', '--tsBuildInfoFile', cacheOf('typescript.tsbuildinfo')];
  return runPackage('typescript', 'tsc', ['--noEmit', '-p', '.', ...cache, ...args]);
}

/** Formats the named paths, or everything. */
export function formatSources(paths: readonly string[]): Promise<number> {
  return runPackage('prettier', 'prettier', [
    '--write',
    '--log-level',
    'warn',
    ...(paths.length === 0 ? ['.'] : paths),
  ]);
}

/** Every file git knows or would add. */
export function projectFiles(): string[] {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate'];
  return execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', timeout: 30_000 })
    .split('\0')
    .filter((path) => path !== '');
}

/** Files that did not change since they passed are not read again. */
function cached(name: string): readonly string[] {
  return isThorough() ? [] : ['--cache', '--cache-strategy', 'content', '--cache-location', cacheOf(name)];
}

/** Continuous integration looks at everything: a rule that needs types may find something in a file that did not change. */
function isThorough(): boolean {
  return process.env['CI'] !== undefined;
}

function cacheOf(name: string): string {
  return join(ROOT, 'node_modules', '.cache', 'burnbag', name);
}

function sourceFolders(): string[] {
  const folders = projectFiles()
    .filter((path) => path.endsWith('.ts') && path.includes('/'))
    .map((path) => path.split('/')[0] ?? '');
  return [...new Set(folders)];
}

/** Each shell script is read, not run, by the shell its first line names. */
async function checkShell(): Promise<number> {
  let worst = 0;
  for (const path of projectFiles()) {
    const shell = /^#! ?(?:\S*\/busybox |\S*\/env |\S*\/)(sh|bash)\b/.exec(firstLine(path))?.[1];
    if (shell !== undefined) worst = Math.max(worst, await run(shell, ['-n', path]));
  }
  return worst;
}

function checkLengths(): number {
  const long = projectFiles().filter((path) => !MAY_BE_LONGER.test(path) && lineCount(path) > LINES_MAX);
  for (const path of long)
    console.error(`${path}: expected at most ${LINES_MAX} lines, got ${lineCount(path)}; is it one idea?`);
  return long.length === 0 ? 0 : 1;
}

function lineCount(path: string): number {
  return read(path).split('\n').length - 1;
}

function firstLine(path: string): string {
  return read(path).split('\n', 1)[0] ?? '';
}

/** Empty for a file that was deleted and is still in git's index. */
function read(path: string): string {
  try {
    return readFileSync(join(ROOT, path), 'latin1');
  } catch {
    return '';
  }
}

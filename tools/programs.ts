import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';

/** The checkout. */
export const ROOT = dirname(import.meta.dirname);

/** Runs a program of an installed package under this very Node, in the checkout, and resolves to its exit code. */
export function runPackage(packageName: string, program: string, args: readonly string[]): Promise<number> {
  return runNode([programOf(packageName, program), ...args]);
}

/** Runs this Node on a script of ours. Ctrl-C reaches it through the terminal; we wait for it to clean up. */
export function runNode(args: readonly string[]): Promise<number> {
  return run(process.execPath, args);
}

/** Runs one program in the checkout with our input and output, and resolves to its exit code. */
export async function run(program: string, args: readonly string[]): Promise<number> {
  const ignore = (): void => undefined;
  process.on('SIGINT', ignore);
  try {
    const child = spawn(program, args, { cwd: ROOT, stdio: 'inherit', env: process.env });
    const forward = (): void => void child.kill('SIGTERM');
    process.once('SIGTERM', forward);
    const [code] = (await once(child, 'close')) as [number | null];
    process.off('SIGTERM', forward);
    return code ?? 70;
  } finally {
    process.off('SIGINT', ignore);
  }
}

const Manifest = z.looseObject({ bin: z.union([z.string(), z.record(z.string(), z.string())]) });

function programOf(packageName: string, program: string): string {
  const folder = join(ROOT, 'node_modules', packageName);
  const { bin } = Manifest.parse(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')));
  const path = typeof bin === 'string' ? bin : bin[program];
  if (path === undefined) throw new Error(`expected a program ${program} in ${packageName}, got none; run npm ci`);
  return join(folder, path);
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KeyPurpose, VerificationReport } from '../../orchestrator/evidence/index.ts';
import { verifyFile } from '../../tools/verify-file/build.ts';

/** dist/verify.mjs, made for one test and run as a stranger would: a Node, the file, a folder, keys. */
export interface VerifyFile extends AsyncDisposable {
  /** Runs it with any arguments. */
  start(args: readonly string[], node?: string): Promise<Printed>;
  /** Runs it on a bundle and reads what `--json` prints. */
  run(
    bundle: string,
    keys: Partial<Record<KeyPurpose, string>>,
    how?: { readonly node?: string; readonly tsaCa?: string | undefined },
  ): Promise<{ readonly code: number | null; readonly report: VerificationReport }>;
}

export interface Printed {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export async function runVerifyFile(): Promise<VerifyFile> {
  const folder = await mkdtemp(join(tmpdir(), 'burnbag-verify-file-'));
  const file = join(folder, 'verify.mjs');
  await writeFile(file, await verifyFile());
  const start = (args: readonly string[], node = process.execPath) => runProgram(node, [file, ...args]);
  return {
    start,
    async run(bundle, keys, { node, tsaCa } = {}) {
      const options = Object.entries(keys).flatMap(([purpose, key]) => [`--${purpose}-key`, key]);
      const authority = tsaCa === undefined ? [] : ['--tsa-ca', tsaCa];
      const { code, stdout } = await start([bundle, ...options, ...authority, '--json'], node);
      return { code, report: JSON.parse(stdout) as VerificationReport };
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Runs a program without environment and waits for its end. */
export async function runProgram(program: string, args: readonly string[]): Promise<Printed> {
  const child = spawn(program, args, { env: {}, stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

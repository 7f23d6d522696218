import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, rename, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { buildSync } from 'esbuild';

/** The executable that was built. */
export interface BuiltAgent {
  readonly file: string;
  readonly sha256: string;
  readonly size: number;
}

/**
 * Builds agent-exec: one file with Node and the agent in it (Node's single executable applications). The Node is the one that runs this;
 * same Node and same sources give the same bytes, wherever they lie. `workDir` is for what is made on the way and is the caller's to remove.
 * Throws BuildError.
 */
export async function buildAgent({ outFile, workDir }: { outFile: string; workDir: string }): Promise<BuiltAgent> {
  await mkdir(workDir, { recursive: true });
  await mkdir(dirname(outFile), { recursive: true });
  await writeFile(join(workDir, BUNDLE), bundle());
  await writeFile(join(workDir, CONFIG), JSON.stringify(seaConfig(basename(outFile))));
  await run(process.execPath, ['--build-sea', CONFIG], workDir);
  await rename(join(workDir, basename(outFile)), outFile);
  const { size } = await stat(outFile);
  return { file: outFile, sha256: await sha256Of(outFile), size };
}

/** Why there is no executable. */
export class BuildError extends Error {
  override readonly name = 'BuildError';
  readonly code: 'bundle_failed' | 'node_failed' | 'timeout';

  constructor(code: BuildError['code'], said: { expected: string; got: string; hint: string }, options?: ErrorOptions) {
    super(`expected ${said.expected}, got ${said.got}; ${said.hint}`, options);
    this.code = code;
  }
}

const BUNDLE = 'agent.cjs';
const CONFIG = 'sea.json';

/** Copying Node takes three seconds on two cores; a slow disk takes ten times as long. */
const TIMEOUT_MS = 60_000;

/** One CommonJS file: what a single executable takes without loading a second module system. Names stay, for stack traces. */
function bundle(): string {
  try {
    const result = buildSync({
      entryPoints: [join(import.meta.dirname, 'agent', 'main.ts')],
      absWorkingDir: import.meta.dirname,
      bundle: true,
      platform: 'node',
      target: 'node26',
      format: 'cjs',
      minifyWhitespace: true,
      minifySyntax: true,
      legalComments: 'none',
      logLevel: 'silent',
      write: false,
    });
    return result.outputFiles[0]?.text ?? '';
  } catch (cause) {
    const got = cause instanceof Error ? cause.message : String(cause);
    throw new BuildError(
      'bundle_failed',
      { expected: 'the agent to bundle', got, hint: 'run the type check' },
      { cause },
    );
  }
}

/**
 * No snapshot and no code cache: neither gives the same bytes twice, and the cache gains nothing. Nothing in the environment changes how Node
 * runs (`execArgvExtension`), no text becomes code, and no signal opens a debugger.
 */
function seaConfig(output: string): object {
  return {
    main: BUNDLE,
    output,
    disableExperimentalSEAWarning: true,
    useSnapshot: false,
    useCodeCache: false,
    execArgv: ['--disable-proto=throw', '--disable-sigusr1'],
    execArgvExtension: 'none',
  };
}

/** Paths are relative to the folder it runs in, so none of this machine's gets into the file. */
async function run(program: string, args: readonly string[], cwd: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  const child = spawn(program, args, {
    cwd,
    env: {},
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-2000);
  });
  child.once('error', reject);
  child.once('close', (code, signal) => {
    if (code === 0) resolve(undefined);
    else reject(failed(code, signal, said.trim()));
  });
  await promise;
}

function failed(code: number | null, signal: string | null, said: string): BuildError {
  const got = `${code ?? signal ?? 'nothing'} ${said}`;
  const hint = 'it takes the Node that the toolchain pins, and room for a copy of it';
  return new BuildError(signal === null ? 'node_failed' : 'timeout', {
    expected: 'node --build-sea to succeed',
    got,
    hint,
  });
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

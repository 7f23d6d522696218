import { access, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { runCommand } from '../orchestrator/setup/command.ts';
import { SetupError } from '../orchestrator/setup/errors.ts';
import { findProgram, toolEnvironment } from '../orchestrator/setup/host.ts';
import type { SetupContext } from '../orchestrator/setup/item.ts';
import { installPackages } from '../orchestrator/setup/items/apt.ts';
import { ROOT } from './programs.ts';

/** moto and all it needs, exactly. */
const REQUIREMENTS = join(ROOT, 'test', 'support', 'aws', 'moto-requirements.txt');
/** Fifty packages from an index, some of them large. */
const FETCH_SECONDS = 900;

/** The Python that has moto, in a data directory; there only after `ensureMoto`. */
export function motoPython(home = process.env['BURNBAG_HOME'] ?? join(ROOT, '.burnbag')): string {
  return join(folderOf(home), 'bin', 'python');
}

/** Installs moto into an environment of its own where it is missing or other than required. Throws SetupError with what to do. */
export async function ensureMoto(context: SetupContext): Promise<void> {
  const wanted = await readFile(REQUIREMENTS, 'utf8');
  const target = folderOf(context.home);
  if ((await readFile(stampOf(target), 'utf8').catch(() => undefined)) === wanted && (await isThere(target))) return;
  const python = await findPython(context);
  const work = `${target}.new`;
  await rm(work, { recursive: true, force: true });
  await mkdir(dirname(work), { recursive: true, mode: 0o700 });
  await fetchInto(work, python, context);
  await writeFile(stampOf(work), wanted);
  await rm(target, { recursive: true, force: true });
  await rename(work, target);
}

/** A Python that can make environments; Debian has that in a package of its own. */
async function findPython(context: SetupContext): Promise<string> {
  const python = await findProgram('python3', context.env);
  if (python !== undefined && (await canMakeEnvironments(python, context))) return python;
  await installPackages(['python3-venv'], context);
  const installed = await findProgram('python3', context.env);
  if (installed === undefined) throw unavailable('no python3 on PATH');
  return installed;
}

async function canMakeEnvironments(python: string, { env, signal }: SetupContext): Promise<boolean> {
  const options = { env: toolEnvironment(env), deadlineSeconds: 60, signal };
  return (await runCommand(python, ['-c', 'import ensurepip, venv'], options)).exitCode === 0;
}

/** Started by its Python, never by its scripts, an environment may be renamed when it is whole. */
async function fetchInto(work: string, python: string, context: SetupContext): Promise<void> {
  context.progress('installing moto, which stands in for AWS in the tests');
  const steps = [
    [python, '-m', 'venv', work],
    [join(work, 'bin', 'python'), '-m', 'pip', 'install', '--quiet', '--no-deps', '--requirement', REQUIREMENTS],
  ];
  for (const [program = python, ...args] of steps) {
    const result = await runCommand(program, args, {
      env: { ...toolEnvironment(context.env), PIP_DISABLE_PIP_VERSION_CHECK: '1' },
      deadlineSeconds: FETCH_SECONDS,
      signal: context.signal,
    });
    if (result.exitCode !== 0) throw unavailable(result.output.split('\n').at(-1) ?? result.ended);
  }
}

function folderOf(home: string): string {
  return join(home, 'test-tools', 'moto');
}

function stampOf(folder: string): string {
  return join(folder, 'requirements.txt');
}

function isThere(folder: string): Promise<boolean> {
  return access(join(folder, 'bin', 'python')).then(
    () => true,
    () => false,
  );
}

function unavailable(got: string): SetupError {
  return new SetupError('programs_missing', {
    expected: 'moto for the tests of the aws driver',
    got,
    hint: 'install python3 with venv and pip (Debian: python3-venv), and check the way to the package index',
  });
}

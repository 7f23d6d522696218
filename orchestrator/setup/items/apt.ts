import { runCommand, type CommandResult } from '../command.ts';
import { SetupError } from '../errors.ts';
import { findProgram, isRoot, toolEnvironment } from '../host.ts';
import type { Environment, SetupContext } from '../item.ts';

/** Another package manager (unattended upgrades …) may hold dpkg's lock for minutes after a machine starts. */
const LOCK_WAIT_SECONDS = 300;
const UPDATE_SECONDS = 300;
const INSTALL_SECONDS = 900;

/** Debian packages are installed one set at a time; dpkg takes a lock of its own and a second apt would only wait. */
let turn: Promise<unknown> = Promise.resolve();
/** Package lists are fetched once per process. */
let listsFetched = false;

/** Installs Debian packages as root, by passwordless sudo, or not at all: then the error carries the exact command. */
export function installPackages(packages: readonly string[], context: SetupContext): Promise<void> {
  const mine = turn.then(() => installNow(packages, context));
  turn = mine.catch(() => undefined);
  return mine;
}

/** The command a user would type to get these packages, for the hint of an error. */
export function installCommand(packages: readonly string[]): string {
  return `${isRoot() ? '' : 'sudo '}apt-get install --yes --no-install-recommends ${packages.join(' ')}`;
}

async function installNow(packages: readonly string[], context: SetupContext): Promise<void> {
  const apt = await findProgram('apt-get', context.env);
  if (apt === undefined) throw unsupported(packages);
  const prefix = await rootPrefix(context);
  if (prefix === undefined) throw notRoot(packages);
  const [program, ...first] = [...prefix, ...assignments(context.env), apt];
  const run = (args: string[], deadlineSeconds: number): Promise<CommandResult> =>
    runCommand(program, [...first, '-o', `DPkg::Lock::Timeout=${LOCK_WAIT_SECONDS}`, ...args], {
      env: toolEnvironment(context.env),
      deadlineSeconds,
      signal: context.signal,
      onLine: (line) => {
        if (/^(Get:|Setting up|Unpacking)/.test(line)) context.progress(line.replace(/ \.\.\.$/, ''));
      },
    });
  if (!listsFetched) {
    context.progress('fetching package lists');
    const update = await run(['update', '--quiet'], UPDATE_SECONDS);
    // Stale lists may still do: the installation below decides.
    listsFetched = update.exitCode === 0;
  }
  const installed = await run(['install', '--yes', '--quiet', '--no-install-recommends', ...packages], INSTALL_SECONDS);
  if (installed.exitCode !== 0) throw installationFailed(packages, installed);
}

/** Empty for root, sudo where it asks no password, undefined where we cannot become root. */
async function rootPrefix(context: SetupContext): Promise<[string, ...string[]] | undefined> {
  const envProgram = (await findProgram('env', context.env)) ?? '/usr/bin/env';
  if (isRoot()) return [envProgram];
  const sudo = await findProgram('sudo', context.env);
  if (sudo === undefined) return undefined;
  const asked = await runCommand(sudo, ['-n', 'true'], { env: toolEnvironment(context.env), deadlineSeconds: 10 });
  return asked.exitCode === 0 ? [sudo, '-n', envProgram] : undefined;
}

/** sudo starts with an empty environment: what apt must see goes on the command line. */
function assignments(env: Environment): string[] {
  const proxies = Object.entries(toolEnvironment(env)).filter(([name]) => /_proxy$/i.test(name));
  return ['DEBIAN_FRONTEND=noninteractive', ...proxies.map(([name, value]) => `${name}=${value}`)];
}

function unsupported(packages: readonly string[]): SetupError {
  return new SetupError('unsupported_host', {
    expected: 'a Debian-like host with apt-get, to install what is missing',
    got: 'none on PATH',
    hint: `install what the Debian packages ${packages.join(', ')} hold with your own package manager`,
  });
}

function notRoot(packages: readonly string[]): SetupError {
  return new SetupError('programs_missing', {
    expected: `the Debian packages ${packages.join(', ')}`,
    got: 'a user who is not root and has no passwordless sudo',
    hint: `run: ${installCommand(packages)}`,
  });
}

function installationFailed(packages: readonly string[], result: CommandResult): SetupError {
  const lines = result.output.split('\n').filter((line) => /^[EW]:|dpkg: error|Could not|Unable/.test(line));
  const said = lines.slice(-3).join(' · ') || result.output.split('\n').slice(-2).join(' · ');
  const got = result.ended === 'exit' ? `apt-get's exit ${result.exitCode ?? -1}: ${said}` : `${result.ended}: ${said}`;
  return new SetupError('package_installation_failed', {
    expected: `apt-get to install ${packages.join(' ')}`,
    got,
    hint: `mend that (network, apt sources, disk space), then run: ${installCommand(packages)}`,
  });
}

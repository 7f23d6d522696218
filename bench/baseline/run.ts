import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runCommand } from '../../orchestrator/setup/command.ts';
import { findProgram, toolEnvironment } from '../../orchestrator/setup/host.ts';
import type { Environment } from '../../orchestrator/setup/item.ts';
import type { BaselineImage } from './build.ts';

/** Under emulation on busy cores it takes minutes; later than this something is wrong. */
const BOOT_SECONDS = 600;
const BETWEEN_POLLS_MS = 1_000;
const MEMORY_MIB = 1024;

/** What the baseline took, from its first process to the script's first output and to the VM's end. */
export interface BaselineTimes {
  readonly firstOutputMs: number;
  readonly endedMs: number;
  readonly polls: number;
  readonly exitCode: number | undefined;
  readonly output: string;
}

/**
 * What a user would otherwise write: a stock cloud VM with an overlay disk and a cloud-init seed, `ssh` in a loop until it answers, the script on its
 * standard input, then kill. No certificate, no log that leaves the VM, no evidence, no proof: the least that runs a script in a VM of its own.
 */
export async function runBaseline(image: BaselineImage, script: string, env: Environment): Promise<BaselineTimes> {
  const started = performance.now();
  const folder = await mkdtemp(join(tmpdir(), 'baseline-'));
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => rm(folder, { recursive: true, force: true }));
  const port = await freePort();
  const key = await makeSeed(folder, env);
  await call(
    'qemu-img',
    ['create', '-q', '-f', 'qcow2', '-b', image.disk, '-F', 'raw', join(folder, 'overlay.qcow2')],
    env,
  );
  const machine = spawn(await programPath('qemu-system-x86_64', env), machineArguments(image, folder, port), {
    stdio: 'ignore',
    env: toolEnvironment(env),
  });
  cleanup.defer(() => endMachine(machine));
  const reached = await pollUntilScriptRan({ port, key, script, env, started, machine });
  await endMachine(machine);
  return { ...reached, endedMs: performance.now() - started };
}

/** The emulated processor is the one our own sandboxes get: with cmpxchg16b, QEMU 7.2 makes this kernel panic in its allocator now and then. */
function machineArguments(image: BaselineImage, folder: string, port: number): string[] {
  return [
    ...[
      '-M',
      'pc',
      '-accel',
      'tcg,thread=multi',
      '-cpu',
      'max,-cx16,-avx,-avx2',
      '-m',
      String(MEMORY_MIB),
      '-smp',
      '2',
      '-nographic',
      '-no-reboot',
    ],
    ...['-kernel', image.kernel, '-initrd', image.initrd, '-append', 'root=LABEL=root ro console=ttyS0'],
    ...['-drive', `file=${join(folder, 'overlay.qcow2')},if=virtio,format=qcow2`],
    ...['-drive', `driver=vvfat,dir=${join(folder, 'seed')},label=CIDATA,read-only=on,if=virtio`],
    ...[
      '-netdev',
      `user,id=net0,hostfwd=tcp:127.0.0.1:${port}-:22`,
      '-device',
      'virtio-net-pci,netdev=net0',
      '-device',
      'virtio-rng-pci',
    ],
    ...['-serial', `file:${join(folder, 'console.log')}`, '-monitor', 'none'],
  ];
}

/** A NoCloud seed with a fresh key for the user `debian`; resolves to the private key's path. */
async function makeSeed(folder: string, env: Environment): Promise<string> {
  const key = join(folder, 'key');
  await call('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'baseline', '-f', key], env);
  const publicKey = (await readFile(`${key}.pub`, 'utf8')).trim();
  const seed = join(folder, 'seed');
  await mkdir(seed);
  await writeFile(join(seed, 'meta-data'), 'instance-id: baseline\nlocal-hostname: baseline\n');
  await writeFile(join(seed, 'user-data'), `#cloud-config\nssh_authorized_keys:\n  - ${publicKey}\n`);
  return key;
}

interface Poll {
  readonly port: number;
  readonly key: string;
  readonly script: string;
  readonly env: Environment;
  readonly started: number;
  readonly machine: ChildProcess;
}

async function pollUntilScriptRan({
  port,
  key,
  script,
  env,
  started,
  machine,
}: Poll): Promise<Omit<BaselineTimes, 'endedMs'>> {
  const ssh = await programPath('ssh', env);
  const options = [
    'BatchMode=yes',
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'LogLevel=ERROR',
    'ConnectTimeout=10',
    'IdentitiesOnly=yes',
  ];
  const args = [
    '-F',
    'none',
    ...options.flatMap((option) => ['-o', option]),
    '-i',
    key,
    '-p',
    String(port),
    'debian@127.0.0.1',
    'bash',
    '-s',
  ];
  for (let polls = 1; performance.now() - started < BOOT_SECONDS * 1000; polls++) {
    if (machine.exitCode !== null)
      throw new Error(`expected the baseline's VM to run, got its end with exit ${machine.exitCode}`);
    const child = spawn(ssh, args, {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: toolEnvironment(env),
      timeout: BOOT_SECONDS * 1000,
    });
    let [firstOutputMs, output] = [0, ''];
    child.stdout.on('data', (chunk: Buffer) => {
      firstOutputMs ||= performance.now() - started;
      output += chunk.toString('utf8');
    });
    child.stdin.on('error', () => undefined);
    child.stdin.end(script);
    const [exitCode] = (await once(child, 'close')) as [number | null];
    if (firstOutputMs > 0) return { firstOutputMs, polls, output, exitCode: exitCode ?? undefined };
    await sleep(BETWEEN_POLLS_MS);
  }
  throw new Error(`expected an answer from the baseline's VM within ${BOOT_SECONDS} s, got none`);
}

async function endMachine(machine: ChildProcess): Promise<void> {
  if (machine.exitCode !== null || machine.signalCode !== null) return;
  machine.kill('SIGKILL');
  await once(machine, 'exit');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('expected a TCP port, got none');
  return address.port;
}

async function call(name: string, args: readonly string[], env: Environment): Promise<void> {
  const result = await runCommand(await programPath(name, env), args, {
    env: toolEnvironment(env),
    deadlineSeconds: 30,
  });
  if (result.exitCode !== 0) throw new Error(`expected ${name} to succeed, got ${result.ended}: ${result.output}`);
}

async function programPath(name: string, env: Environment): Promise<string> {
  const program = await findProgram(name, env);
  if (program === undefined)
    throw new Error(`expected the program ${name} for the baseline, got none on PATH; install it`);
  return program;
}

import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, open, rm, writeFile, type FileHandle } from 'node:fs/promises';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findImage, openImage } from '../../../infra/local/image.ts';
import { machineArguments } from '../../../infra/local/machine/arguments.ts';
import { confine } from '../../../infra/local/machine/confinement.ts';
import { chooseIdentity } from '../../../infra/local/machine/identity.ts';
import { kernelWords, readTscKhz } from '../../../infra/local/machine/kernel-words.ts';
import { chooseNamespaces, type Namespaces } from '../../../infra/local/machine/namespaces.ts';
import { awaitReady } from '../../../infra/local/machine/ready.ts';
import type { MachineEnd } from '../../../infra/local/machine/spawn.ts';
import { findProgram } from '../../../infra/local/programs.ts';
import { createScratchDisk, diskBytes } from '../../../infra/local/scratch/disk.ts';
import { Wire } from '../../../infra/local/wire/wire.ts';
import { makePublicKeyLine, preparedHome } from '../sandbox.ts';
import { PROBE_PORT, probingInitrd } from './overlay.ts';
import { RootShell } from './shell.ts';

/** How the guest is cabled: as the product does, or as a user would who knows of no danger. */
export type Network = 'wire' | { readonly netdev: string; readonly namespaces: Namespaces };

export interface RootGuestOptions {
  readonly network: Network;
  readonly scratchMiB?: number;
  /** Whether QEMU encrypts its disk, as the product's does; the default. */
  readonly scratch?: 'encrypted' | 'plain';
  readonly fileSize?: number;
  /** Seconds at which its guest is to power itself off. */
  readonly lifetimeSeconds?: number;
  /** Of the CA it trusts; one that nobody has the private half of when absent. */
  readonly caPublicKey?: string;
  readonly tunnels?: readonly string[];
}

/** A sandbox booted as the product boots it, with a root shell for whoever attacks it. */
export interface RootGuest extends AsyncDisposable {
  readonly root: RootShell;
  readonly process: ChildProcess;
  readonly ended: Promise<MachineEnd>;
  /** The other end of its cable; undefined on another network. */
  readonly wire: Wire | undefined;
  readonly machineId: string;
  /** What its sshd says it is. */
  readonly hostKey: string;
  /** Where its streams, its disk and QEMU's own words lie. */
  readonly folder: string;
}

const MEMORY_MIB = 512;
const BOOT_LIMIT_MS = 90_000;
const RUN_ID = '0feedc0ffee0';
const STREAMS = ['console', 'audit', 'sshd', 'executor'] as const;
/** The descriptor of the shell's port: after those of the product's arguments. */
const PROBE_FD = 13;

/** Boots one. The kernel knows IPv6, unlike the product's: what is outside must hold without the guest's help. */
export async function startRootGuest(options: RootGuestOptions): Promise<RootGuest> {
  await using undo = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'burnbag-root-guest-'));
  undo.defer(() => rm(folder, { recursive: true, force: true }));
  const machineId = randomUUID();
  const child = await start(options, folder, machineId);
  undo.defer(() => stop(child));
  let end: MachineEnd | undefined;
  const ended = once(child, 'exit').then(([exitCode, signal]) => {
    end = { exitCode: exitCode as number | null, signal: signal as string | null };
    return end;
  });
  const stdio: readonly unknown[] = child.stdio;
  const [cable, port] = [stdio[DESCRIPTORS.cable], stdio[PROBE_FD]];
  if (!(cable instanceof Socket) || !(port instanceof Socket)) throw new Error('expected two sockets');
  const { promise: said, resolve } = Promise.withResolvers<string>();
  child.stderr?.on('data', (chunk: Buffer) => {
    resolve(chunk.toString());
  });
  const wait = { machineId, deadlineMs: BOOT_LIMIT_MS, signal: new AbortController().signal };
  const consoleFile = join(folder, 'console');
  const { hostKey } = await awaitReady({ ...wait, consoleFile, ended: () => end, machineLog: () => said });
  const held = undo.move();
  const wire = options.network === 'wire' ? new Wire(cable) : undefined;
  const dispose = () => held.disposeAsync();
  const told = { machineId, hostKey, folder };
  return { root: new RootShell(port), process: child, ended, wire, ...told, [Symbol.asyncDispose]: dispose };
}

/** Each descriptor's place in the child's stdio. */
const DESCRIPTORS = {
  ...{ kernel: 3, initrd: 4, root: 5, scratch: 6, scratchKey: 7 },
  ...{ console: 8, audit: 9, sshd: 10, executor: 11, cable: 12 },
};

async function start(options: RootGuestOptions, folder: string, machineId: string): Promise<ChildProcess> {
  const { network, scratchMiB = 64, fileSize = 256 * 1024 * 1024, lifetimeSeconds = 900 } = options;
  const { caPublicKey = makePublicKeyLine(), tunnels = [], scratch = 'encrypted' } = options;
  await using opened = new AsyncDisposableStack();
  const keep = async (opening: Promise<FileHandle>): Promise<number> =>
    opened.adopt(await opening, (file) => file.close()).fd;
  const identity = await chooseIdentity(RUN_ID, 'tcg');
  const image = await findImage(preparedHome());
  const { kernel, root } = opened.use(await openImage(image));
  const inFolder = (name: string): string => join(folder, name);
  await writeFile(inFolder('initrd'), await probingInitrd(image));
  await chmod(inFolder('initrd'), 0o644);
  const key = await createScratchDisk(inFolder('scratch'), scratchMiB);
  await writeFile(inFolder('key'), key, { mode: 0o644 });
  const streams = STREAMS.map((name) => keep(open(inFolder(name), 'a', 0o600)));
  const words = kernelWords(
    { caPublicKey, tunnels, machineId, lifetimeSeconds, nowSeconds: Math.floor(Date.now() / 1000) },
    'tcg',
    await readTscKhz(),
  );
  const plan = machineArguments({
    ...{ label: 'burnbag-root-guest', machineId, acceleration: 'tcg', memoryMiB: MEMORY_MIB, cpus: 1 },
    kernelWords: words.replace(' ipv6.disable=1', ''),
    descriptors: DESCRIPTORS,
  });
  const qemu = await findProgram('qemu-system-x86_64');
  const namespaces = network === 'wire' ? await chooseNamespaces() : network.namespaces;
  const limits = {
    addressSpace: (MEMORY_MIB + 3072) * 1024 * 1024,
    fileSize: Math.max(fileSize, diskBytes(scratchMiB)),
    threads: 97,
  };
  const [program = '', ...args] = await confine([qemu, ...redisk(recable(plan, network), scratch), ...SHELL_PORT], {
    identity,
    limits,
    namespaces,
  });
  const files = [kernel.fd, await keep(open(inFolder('initrd'))), root.fd, await keep(open(inFolder('scratch'), 'r+'))];
  const rest = [await keep(open(inFolder('key'))), ...(await Promise.all(streams))];
  const stdio = ['ignore', 'inherit', 'pipe', ...files, ...rest, 'pipe', 'pipe'] as const;
  return spawn(program, args, { stdio: [...stdio], env: { LC_ALL: 'C' }, cwd: '/', detached: true });
}

const SHELL_PORT = [
  ...['-device', 'virtio-serial-device,id=probe,max_ports=2'],
  ...['-chardev', `socket,id=probe,fd=${PROBE_FD}`],
  ...['-device', `virtserialport,bus=probe.0,chardev=probe,name=${PROBE_PORT}`],
];

function recable(argv: readonly string[], network: Network): readonly string[] {
  if (network === 'wire') return argv;
  return argv.map((word, at) => (argv[at - 1] === '-netdev' ? network.netdev : word));
}

/** The same file under the same name, without the layer that encrypts. */
function redisk(argv: readonly string[], scratch: 'encrypted' | 'plain'): readonly string[] {
  if (scratch === 'encrypted') return argv;
  return argv.map((word) =>
    word.replace('"driver":"luks"', '"driver":"raw"').replace('"key-secret":"scratch-key",', ''),
  );
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { DriverError } from '../../error.ts';
import type { Layout } from '../layout.ts';
import { lookUp, type Process } from '../processes.ts';
import { findProgram } from '../programs.ts';
import { makeMemoryFile } from '../scratch/memory-file.ts';
import { openImage, type Image } from '../image.ts';
import { machineArguments, type Acceleration, type MachineDescriptors } from './arguments.ts';
import { confine, type Limits } from './confinement.ts';
import { chooseIdentity } from './identity.ts';
import { withoutInherited, type Stdio } from './inherited.ts';
import { chooseNamespaces, type Namespaces } from './namespaces.ts';

/** What one machine is made of. `scratchKey` opens the scratch disk and is handed over in memory only. */
export interface SpawnRequest {
  readonly layout: Layout;
  readonly image: Image;
  readonly machineId: string;
  readonly acceleration: Acceleration;
  readonly memoryMiB: number;
  readonly cpus: number;
  readonly kernelWords: string;
  readonly scratchKey: string;
  readonly scratchBytes: number;
}

/** A QEMU of ours, and how it ends. */
export interface RunningMachine {
  readonly process: Pick<Process, 'pid' | 'startTime'>;
  /** Resolves once, when the process has ended; never rejects. */
  readonly ended: Promise<MachineEnd>;
  /** Whose network namespace it runs in: one of its own, or the host's where that could not be had. */
  readonly network: Namespaces['network'];
  /** Our end of the guest's only network cable. */
  readonly cable: Duplex;
}

export interface MachineEnd {
  readonly exitCode: number | null;
  readonly signal: string | null;
}

/**
 * Starts QEMU confined, in a session of its own (a Ctrl-C meant for us must not reach it), with every file as an inherited descriptor.
 * Our copies of the descriptors are closed when this returns; the key is emptied by `burnKey`, once QEMU has read it.
 */
export async function spawnMachine(
  request: SpawnRequest,
): Promise<RunningMachine & { readonly burnKey: () => Promise<void> }> {
  const identity = await chooseIdentity(request.layout.runId, request.acceleration);
  const key = await makeMemoryFile(request.scratchKey, identity.uid);
  try {
    await using files = await openFiles(request, key.fd);
    const qemu = await findProgram('qemu-system-x86_64');
    const plan = { ...request, label: request.layout.label, descriptors: files.descriptors };
    const namespaces = await chooseNamespaces();
    const confinement = { identity, limits: limitsOf(request), namespaces };
    const argv = await confine([qemu, ...machineArguments(plan)], confinement);
    return { ...(await start(argv, files.stdio)), network: namespaces.network, burnKey: () => key.burn() };
  } catch (error) {
    await key.burn();
    throw error;
  }
}

const MEBIBYTE = 1024 * 1024;
/** QEMU's own code, the translation buffer, stacks and heaps of up to 64 disk threads: address space, most of it never touched. */
const QEMU_HEADROOM_BYTES = 3072 * MEBIBYTE;
/** A guest that floods its console or a log may fill this much even if its disk is smaller. */
const LOG_BYTES = 256 * MEBIBYTE;
/** 64 disk threads, one per processor, and a few of QEMU's own. */
const QEMU_THREADS = 96;

function limitsOf({ memoryMiB, cpus, scratchBytes }: SpawnRequest): Limits {
  return {
    addressSpace: memoryMiB * MEBIBYTE + QEMU_HEADROOM_BYTES,
    fileSize: Math.max(scratchBytes, LOG_BYTES),
    threads: QEMU_THREADS + cpus,
  };
}

interface OpenFiles extends AsyncDisposable {
  readonly stdio: readonly Stdio[];
  readonly descriptors: MachineDescriptors;
}

/** Opens everything QEMU needs; a file's place in `stdio` is its descriptor in the child. */
async function openFiles({ layout, image }: SpawnRequest, keyFd: number): Promise<OpenFiles> {
  await using opened = new AsyncDisposableStack();
  const keep = async (opening: Promise<FileHandle>): Promise<number> => {
    const file = await opening;
    opened.defer(() => file.close());
    return file.fd;
  };
  const log = (path: string): Promise<number> => keep(open(path, APPEND, 0o600));
  const { kernel, initrd, root } = opened.use(await openImage(image));
  const machineLog = await log(layout.machineLog);
  const stdio: Stdio[] = ['ignore', machineLog, machineLog];
  const inherit = (fd: Stdio): number => stdio.push(fd) - 1;
  const descriptors: MachineDescriptors = {
    kernel: inherit(kernel.fd),
    initrd: inherit(initrd.fd),
    root: inherit(root.fd),
    scratch: inherit(await keep(open(layout.disk, constants.O_RDWR | constants.O_NOFOLLOW))),
    scratchKey: inherit(keyFd),
    console: inherit(await log(layout.streams.console)),
    audit: inherit(await log(layout.streams.audit)),
    sshd: inherit(await log(layout.streams.sshd)),
    executor: inherit(await log(layout.streams.executor)),
    // Node makes a connected pair of sockets of it: one end in the child, the other in `child.stdio`.
    cable: inherit('pipe'),
  };
  const nothing = await keep(open('/dev/null'));
  const held = opened.move();
  return { stdio: withoutInherited(stdio, nothing), descriptors, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

const APPEND = constants.O_CREAT | constants.O_APPEND | constants.O_WRONLY | constants.O_NOFOLLOW;

/** Explicit and nearly empty: nothing of our environment is QEMU's business. */
const ENVIRONMENT = { LC_ALL: 'C' };

async function start(
  [program = '', ...args]: readonly string[],
  stdio: readonly Stdio[],
): Promise<Omit<RunningMachine, 'network'>> {
  const child = spawn(program, args, { stdio: [...stdio], env: ENVIRONMENT, cwd: '/', detached: true });
  const ended = new Promise<MachineEnd>((resolve) => {
    child.once('exit', (exitCode, signal) => {
      resolve({ exitCode, signal });
    });
    child.once('error', () => {
      resolve({ exitCode: null, signal: null });
    });
  });
  child.unref();
  const { pid } = child;
  const cable = child.stdio[stdio.lastIndexOf('pipe')];
  if (pid === undefined || !(cable instanceof Socket)) throw cannotStart(program);
  return { process: (await lookUp(pid)) ?? { pid, startTime: GONE_AT_ONCE }, ended, cable: cable.unref() };
}

/** Start time of a process that ended before it could be looked at; no living one has it. */
const GONE_AT_ONCE = '0';

function cannotStart(program: string): DriverError {
  return new DriverError('no_qemu', {
    expected: `${program} to start`,
    got: 'a failed spawn',
    hint: 'run `burnbag doctor`',
  });
}

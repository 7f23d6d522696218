import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Instance } from '@aws-sdk/client-ec2';
import type { Guest } from './guests.ts';

/** A guest that is a machine. */
export interface Machine extends Guest {
  /** Starts it anew without asking it, as the kernel's dead-man switch and a panic do. */
  reset(): Promise<void>;
}

/**
 * A real guest behind an instance: QEMU boots the disk image that would be the AMI, by BIOS, from an NVMe disk, with the firmware tables
 * EC2's hypervisor gives and the instance's private address on this host's loopback. What moto cannot: the image's own way to boot, its
 * identity, its network, its console. It ends when it powers itself off; what restarts goes on, as an instance does.
 */
export async function startMachine(disk: string, instance: Instance): Promise<Machine> {
  const { InstanceId = '', PrivateIpAddress = '', InstanceType = '' } = instance;
  if (!PrivateIpAddress.startsWith('127.')) throw new Error(`expected an address on loopback, got ${PrivateIpAddress}`);
  const folder = await mkdtemp(join(tmpdir(), 'burnbag-machine-'));
  const plan = { disk, folder, InstanceId, PrivateIpAddress, InstanceType };
  const child = spawn(SETPRIV[0], [...SETPRIV.slice(1), ...qemu(plan)], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { LC_ALL: 'C', TMPDIR: folder },
  });
  const ended = once(child, 'exit');
  ended.catch(() => undefined);
  return {
    console: () => readFile(join(folder, 'console'), 'latin1').catch(() => ''),
    hasEnded: () => isOver(child),
    reset: () => order(join(folder, 'qmp'), ['qmp_capabilities', 'system_reset']),
    stop: async () => {
      if (!isOver(child)) {
        child.kill('SIGKILL');
        await ended;
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The machine ends with the test that made it, however that ends. */
const SETPRIV = ['/usr/bin/setpriv', '--pdeathsig', 'KILL', '--'] as const;

interface Plan {
  readonly disk: string;
  readonly folder: string;
  readonly InstanceId: string;
  readonly PrivateIpAddress: string;
  readonly InstanceType: string;
}

function qemu({ disk, folder, InstanceId, PrivateIpAddress, InstanceType }: Plan): readonly string[] {
  return [
    ...['/usr/bin/qemu-system-x86_64', '-nodefaults', '-no-user-config', '-display', 'none'],
    ...['-M', 'q35,accel=tcg', '-cpu', 'max,-cx16,-avx,-avx2', '-m', '640', '-smp', '1'],
    ...['-smbios', `type=1,manufacturer=Amazon EC2,product=${InstanceType}`, '-smbios', `type=2,asset=${InstanceId}`],
    ...['-drive', `file=${disk},format=raw,if=none,id=root,snapshot=on`, '-device', 'nvme,drive=root,serial=vol0123'],
    ...['-netdev', `user,id=net,restrict=on,ipv6=off,hostfwd=tcp:${PrivateIpAddress}:22-:22`],
    ...['-device', 'virtio-net-pci,netdev=net', '-device', 'virtio-rng-pci'],
    ...['-serial', `file:${join(folder, 'console')}`, '-qmp', `unix:${join(folder, 'qmp')},server=on,wait=off`],
  ];
}

/** One after the other, each answered by QEMU (its machine protocol: a line a message) before the next. */
async function order(path: string, commands: readonly string[]): Promise<void> {
  const socket = connect({ path, timeout: ORDER_MS });
  socket.on('timeout', () => socket.destroy(new Error(`expected QEMU to answer, got nothing for ${ORDER_MS} ms`)));
  const left = [...commands];
  for await (const line of createInterface(socket)) {
    if (line.startsWith('{"error"')) throw new Error(`expected QEMU to obey, got ${line}`);
    if (!line.startsWith('{"return"') && !line.startsWith('{"QMP"')) continue;
    const execute = left.shift();
    if (execute === undefined) break;
    socket.write(`${JSON.stringify({ execute })}\n`);
  }
  socket.destroy();
}

const ORDER_MS = 30_000;

function isOver({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

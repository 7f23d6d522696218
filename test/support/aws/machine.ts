import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Instance } from '@aws-sdk/client-ec2';
import type { Guest } from './guests.ts';

/**
 * A real guest behind an instance: QEMU boots the disk image that would be the AMI, by BIOS, from an NVMe disk, with the firmware tables
 * EC2's hypervisor gives and the instance's private address on this host's loopback. What moto cannot: the image's own way to boot, its
 * identity, its network, its console.
 */
export async function startMachine(disk: string, instance: Instance): Promise<Guest> {
  const { InstanceId = '', PrivateIpAddress = '', InstanceType = '' } = instance;
  if (!PrivateIpAddress.startsWith('127.')) throw new Error(`expected an address on loopback, got ${PrivateIpAddress}`);
  const folder = await mkdtemp(join(tmpdir(), 'burnbag-machine-'));
  const console = join(folder, 'console');
  const child = spawn(
    SETPRIV[0],
    [...SETPRIV.slice(1), ...qemu({ disk, console, InstanceId, PrivateIpAddress, InstanceType })],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { LC_ALL: 'C', TMPDIR: folder },
    },
  );
  const ended = once(child, 'exit');
  ended.catch(() => undefined);
  return {
    console: () => readFile(console, 'latin1').catch(() => ''),
    hasEnded: () => isOver(child),
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
  readonly console: string;
  readonly InstanceId: string;
  readonly PrivateIpAddress: string;
  readonly InstanceType: string;
}

function qemu({ disk, console, InstanceId, PrivateIpAddress, InstanceType }: Plan): readonly string[] {
  return [
    ...['/usr/bin/qemu-system-x86_64', '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    ...['-M', 'q35,accel=tcg', '-cpu', 'max,-cx16,-avx,-avx2', '-m', '640', '-smp', '1'],
    ...['-smbios', `type=1,manufacturer=Amazon EC2,product=${InstanceType}`, '-smbios', `type=2,asset=${InstanceId}`],
    ...['-drive', `file=${disk},format=raw,if=none,id=root,snapshot=on`, '-device', 'nvme,drive=root,serial=vol0123'],
    ...['-netdev', `user,id=net,restrict=on,ipv6=off,hostfwd=tcp:${PrivateIpAddress}:22-:22`],
    ...['-device', 'virtio-net-pci,netdev=net', '-device', 'virtio-rng-pci', '-serial', `file:${console}`],
  ];
}

function isOver({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

import { spawn } from 'node:child_process';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { preparedHome } from '../../../test/support/sandbox.ts';
import { findImage, openImage } from '../image.ts';
import { findProgram } from '../programs.ts';
import { createScratchDisk } from '../scratch/disk.ts';
import { machineArguments } from './arguments.ts';

/** Every device a guest may find, and why it is there. What a version of QEMU brings beside these is a hole somebody has to look at. */
const ALLOWED: Readonly<Record<string, string>> = {
  'virtio-blk-device': 'root image and scratch disk',
  'virtio-net-device': 'the cable to the relay',
  'virtio-rng-device': 'randomness before there is any',
  'virtio-serial-device': 'the ports below',
  virtserialport: 'a log stream',
  'virtio-mmio': 'the slots of a microvm, one for each virtio device, the rest empty',
  'isa-serial': 'the console',
  fw_cfg_mem: 'how QEMU hands over kernel and command line',
  fw_cfg_io: 'the same',
  'acpi-ged': 'power off',
  'acpi-ged-x86': 'the same',
  ioapic: 'interrupts',
  'kvm-ioapic': 'interrupts',
  'isa-i8259': 'interrupts, as the processor starts',
  'kvm-i8259': 'the same',
  'isa-pit': 'a timer',
  'kvm-pit': 'the same',
  kvmvapic: 'the interrupt controller of a processor',
  kvmclock: 'a clock',
  mc146818rtc: 'a clock',
  'isabus-bridge': 'where console and clock hang',
};

test('a guest finds no device that is not on the list', async () => {
  await using undo = new AsyncDisposableStack();
  const folder = undo.adopt(await mkdtemp(join(tmpdir(), 'burnbag-devices-')), (path) => rm(path, { recursive: true }));
  const { kernel, initrd, root } = undo.use(await openImage(await findImage(preparedHome())));
  await writeFile(join(folder, 'key'), await createScratchDisk(join(folder, 'scratch'), 16));
  const keep = async (path: string, flags: string): Promise<number> =>
    undo.adopt(await open(path, flags), (file) => file.close()).fd;
  const [scratch, key, log] = [
    await keep(join(folder, 'scratch'), 'r+'),
    await keep(join(folder, 'key'), 'r'),
    await keep('/dev/null', 'a'),
  ];
  const argv = machineArguments({
    ...{ label: 'burnbag-devices', machineId: '00000000-0000-4000-8000-000000000000', acceleration: 'tcg' },
    ...{ memoryMiB: 128, cpus: 1, kernelWords: '' },
    descriptors: {
      ...{ kernel: 3, initrd: 4, root: 5, scratch: 6, scratchKey: 7 },
      ...{ console: 8, audit: 9, sshd: 10, executor: 11, cable: 12 },
    },
  });
  const files = [kernel.fd, initrd.fd, root.fd, scratch, key, log, log, log, log];
  const qemu = spawn(await findProgram('qemu-system-x86_64'), [...argv, '-S', '-monitor', 'stdio'], {
    stdio: ['pipe', 'pipe', 'inherit', ...files, 'pipe'],
    env: { LC_ALL: 'C' },
    timeout: 20_000,
  });
  qemu.stdin?.end('info qtree\nquit\n');
  const tree = (await buffer(qemu.stdout as NodeJS.ReadableStream)).toString();
  const found = new Set([...tree.matchAll(/^ *dev: ([^,]+),/gm)].map(([, device]) => device ?? ''));
  expect(found).toContain('virtio-net-device');
  expect([...found].filter((device) => !(device in ALLOWED))).toEqual([]);
});

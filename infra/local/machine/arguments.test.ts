import { expect, test } from 'vitest';
import { machineArguments, type MachinePlan } from './arguments.ts';

const PLAN: MachinePlan = {
  label: 'burnbag-i1-0123456789ab',
  machineId: '00000000-0000-4000-8000-000000000000',
  acceleration: 'tcg',
  memoryMiB: 512,
  cpus: 1,
  port: 40_022,
  kernelWords: 'console=ttyS0',
  descriptors: {
    kernel: 3,
    initrd: 4,
    root: 5,
    scratch: 6,
    scratchKey: 7,
    console: 8,
    audit: 9,
    sshd: 10,
    executor: 11,
  },
};

test.each(['tcg', 'kvm'] as const)('every word of the argument vector is known (%s)', async (acceleration) => {
  const argv = machineArguments({ ...PLAN, acceleration });
  await expect(`${argv.join('\n')}\n`).toMatchFileSnapshot(`arguments.${acceleration}.golden.txt`);
});

test('the only listener is one forwarded port, on loopback, in a network that is shut', () => {
  const argv = machineArguments(PLAN);
  expect(argv.filter((word) => /hostfwd|guestfwd|tcp:|unix:|,server|qmp|monitor|vnc|gdb/.test(word))).toEqual([
    'user,id=net,restrict=on,ipv6=off,hostfwd=tcp:127.0.0.1:40022-:22',
  ]);
});

test('no device comes that is not on the list', () => {
  const argv = machineArguments(PLAN);
  const devices = argv.filter((_, at) => argv[at - 1] === '-device').map((device) => device.split(',')[0]);
  expect(devices).toEqual([
    'virtio-blk-device',
    'virtio-blk-device',
    'virtio-net-device',
    'virtio-rng-device',
    'virtio-serial-device',
    'virtserialport',
    'virtserialport',
    'virtserialport',
  ]);
  expect(argv).toEqual(expect.arrayContaining(['-nodefaults', '-no-user-config']));
});

import { expect, test } from 'vitest';
import { machineArguments, type MachinePlan } from './arguments.ts';

const PLAN: MachinePlan = {
  label: 'burnbag-i1-0123456789ab',
  machineId: '00000000-0000-4000-8000-000000000000',
  acceleration: 'tcg',
  memoryMiB: 512,
  cpus: 2,
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
    cable: 12,
  },
};

test.each(['tcg', 'kvm'] as const)('every word of the argument vector is known (%s)', async (acceleration) => {
  const argv = machineArguments({ ...PLAN, acceleration });
  await expect(`${argv.join('\n')}\n`).toMatchFileSnapshot(`arguments.${acceleration}.golden.txt`);
});

test('nothing listens, nothing connects, and the only network is the inherited cable', () => {
  const argv = machineArguments(PLAN);
  expect(argv.filter((_, at) => argv[at - 1] === '-netdev')).toEqual([
    'stream,id=net,server=off,addr.type=fd,addr.str=12',
  ]);
  expect(argv.filter((word) => /user,|fwd|tcp:|unix|,server(?!=off)|host=|qmp|monitor|vnc|gdb/.test(word))).toEqual([]);
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

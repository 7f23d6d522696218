import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lookAtSwap } from './swap.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'burnbag-swap-'));
});
afterEach(() => rm(root, { recursive: true }));

async function write(path: string, content: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), content);
}

const swaps = (...names: readonly string[]) =>
  write(
    'proc/swaps',
    ['Filename\t\t\tType\t\tSize\tUsed\tPriority', ...names.map((name) => `${name}  file\t1\t0\t-2`), ''].join('\n'),
  );

const PLAIN = { whatToDo: expect.stringContaining('swapoff -a') as string };

test('a list of swap that cannot be read is no host without', async () => {
  await mkdir(join(root, 'proc/swaps'), { recursive: true });
  await expect(lookAtSwap(root)).rejects.toMatchObject({ code: 'EISDIR' });
});

test('a host without swap has nothing to be told', async () => {
  expect(await lookAtSwap(root)).toEqual({ what: 'this host has none' });
  await swaps();
  expect(await lookAtSwap(root)).toEqual({ what: 'this host has none' });
});

test.each(['/swapfile', '/srv/dm-2', '/srv/zram1', '/dev/sda2', '/dev/dm-1', '/dev/zram0'])(
  'swap on %s, of which nothing else is known, is warned of',
  async (name) => {
    await swaps(name);
    await write('sys/class/block/dm-2/dm/uuid', 'CRYPT-PLAIN-x\n');
    if (name.includes('dm-1')) await write('sys/class/block/dm-1/dm/uuid', 'LVM-abc\n');
    if (name.includes('zram0')) await write('sys/class/block/zram0/backing_dev', '/dev/sda3\n');
    expect(await lookAtSwap(root)).toMatchObject(PLAIN);
  },
);

test('encrypted swap and compressed memory are well, unless there is another beside them', async () => {
  await write('sys/class/block/dm-0/dm/uuid', 'CRYPT-PLAIN-cryptswap\n');
  await write('sys/class/block/zram0/backing_dev', 'none\n');
  await swaps('/dev/dm-0', '/dev/zram0');
  expect(await lookAtSwap(root)).toEqual({ what: '/dev/dm-0 (encrypted), /dev/zram0 (memory)' });
  await swaps('/dev/dm-0', '/swapfile');
  expect(await lookAtSwap(root)).toMatchObject(PLAIN);
});

test('a cgroup that may swap nothing, or one around it, is enough', async () => {
  await swaps('/swapfile');
  await write('proc/self/cgroup', '0::/user.slice/run.scope\n');
  for (const path of ['user.slice/run.scope', 'user.slice'])
    await write(`sys/fs/cgroup/${path}/memory.swap.max`, 'max\n');
  expect(await lookAtSwap(root)).toMatchObject(PLAIN);
  await write('sys/fs/cgroup/user.slice/memory.swap.max', '0\n');
  expect(await lookAtSwap(root)).toEqual({ what: expect.stringContaining('memory.swap.max 0') as string });
});

test('in a container the limit of its own topmost cgroup is enough', async () => {
  await swaps('/swapfile');
  await write('proc/self/cgroup', '0::/\n');
  expect(await lookAtSwap(root)).toMatchObject(PLAIN);
  await write('sys/fs/cgroup/memory.swap.max', '0\n');
  expect((await lookAtSwap(root)).whatToDo).toBeUndefined();
});

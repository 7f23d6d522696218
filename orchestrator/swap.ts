import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/**
 * Whether this host may write memory of ours to a disk, and how to stop it. Keys of this process and the memory of guests are what is at stake; a
 * lock on memory would hold QEMU's alone, and make a guest cost all its memory from the start, so it is the host that is asked to. `whatToDo` is
 * there where it may. `root` is where the host's files are, for tests. Rejects where the host does not say what swap it has.
 * proc(5), the kernel's cgroup-v2 and zram documents, dm-crypt's UUIDs ("CRYPT-…").
 */
export async function lookAtSwap(root = '/'): Promise<SwapLook> {
  const areas = await Promise.all((await readAreas(root)).map((area) => describeArea(root, area)));
  if (areas.length === 0) return { what: 'this host has none' };
  const what = areas.map(({ name, kind }) => `${name} (${kind})`).join(', ');
  if (areas.every(({ kind }) => kind !== 'plain')) return { what };
  if (await isKeptFromSwapping(root))
    return { what: `${what}; not for this process and its sandboxes (memory.swap.max 0)` };
  return { what: `${what}: keys and memory of sandboxes can be written there`, whatToDo: WHAT_TO_DO };
}

/** What was found, and how to mend it where memory may be written to a disk. */
export interface SwapLook {
  readonly what: string;
  readonly whatToDo?: string;
}

const WHAT_TO_DO =
  'swapoff -a, or encrypt it with a key of each boot (crypttab: /dev/urandom swap), or start Burnbag by systemd-run --scope -p MemorySwapMax=0 ./burnbag …';

/** `encrypted` is by dm-crypt, under whatever key; `memory` is compressed and stays there. */
interface Area {
  readonly name: string;
  readonly kind: 'plain' | 'encrypted' | 'memory';
}

async function readAreas(root: string): Promise<readonly string[]> {
  const text = await readFile(join(root, 'proc/swaps'), 'utf8').catch((error: unknown) => {
    // A kernel without swap has no such file; one that may not be read could say anything.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  });
  const [, ...lines] = text.trim().split('\n');
  return lines.map((line) => line.split(/\s/)[0] ?? '');
}

const DEVICE = /^\/dev\/((?:dm-|zram)[0-9]+)$/;
const BLOCK = 'sys/class/block';

async function describeArea(root: string, name: string): Promise<Area> {
  const device = DEVICE.exec(name)?.[1];
  // A swap file may have any name, also that of a device.
  if (device === undefined) return { name, kind: 'plain' };
  if ((await readIfThere(root, join(BLOCK, device, 'dm/uuid')))?.startsWith('CRYPT-') === true)
    return { name, kind: 'encrypted' };
  // A zram device may hand on what it cannot compress; without `backing_dev` its kernel cannot.
  const isZram = device.startsWith('zram');
  const backing = (await readIfThere(root, join(BLOCK, device, 'backing_dev')))?.trim() ?? 'none';
  return { name, kind: isZram && backing === 'none' ? 'memory' : 'plain' };
}

/** Whether our cgroup, or one that it lies in, may have nothing swapped. In a container the topmost has a limit too; the host's own has no such file. */
async function isKeptFromSwapping(root: string): Promise<boolean> {
  const own = /^0::(\/.*)$/m.exec((await readIfThere(root, 'proc/self/cgroup')) ?? '')?.[1];
  for (let path = own; path !== undefined; path = path === '/' ? undefined : dirname(path))
    if ((await readIfThere(root, join('sys/fs/cgroup', path, 'memory.swap.max')))?.trim() === '0') return true;
  return false;
}

function readIfThere(root: string, path: string): Promise<string | undefined> {
  return readFile(join(root, path), 'utf8').catch(() => undefined);
}

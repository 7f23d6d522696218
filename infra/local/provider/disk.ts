import { lstat, unlink } from 'node:fs/promises';
import type { RunContext } from '../context.ts';
import { diskId } from '../ids.ts';
import { createScratchDisk } from '../scratch/disk.ts';
import { checkWith } from './check.ts';
import { DiskInputs } from './inputs.ts';
import type { Created, Resource } from './resource.ts';

/** `burnbag:local:Disk`: the run's encrypted scratch disk. Its id is the path of its file; its key stays in the context. */
export function diskResource(context: RunContext): Resource<DiskInputs> {
  return {
    check: checkWith(DiskInputs),
    create: (inputs) => create(context, inputs),
    read: async (id, state) => ((await exists(id)) ? state : undefined),
    delete: () => remove(context.layout.disk),
  };
}

async function create(context: RunContext, inputs: DiskInputs): Promise<Created> {
  const { layout, observer } = context;
  const created = { id: layout.disk, outputs: { ...inputs, path: layout.disk, format: 'luks1' } };
  if (context.scratchKey !== undefined && (await exists(layout.disk))) return created;
  await observer.record(diskId(layout.disk));
  // A disk whose key nobody has is of no use to anyone.
  await remove(layout.disk);
  context.scratchKey = await createScratchDisk(layout.disk, inputs.sizeMiB);
  return created;
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

async function remove(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

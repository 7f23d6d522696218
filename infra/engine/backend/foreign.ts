import { join } from 'node:path';
import { refuse } from '../errors.ts';
import { listFolder, readIfPresent } from './files.ts';
import { metaFile } from './layout.ts';

/**
 * Called where a stack's state file is not there: refuses by name the forms of Pulumi's file backend in which it could be there
 * all the same, so that nobody makes a second stack beside the first.
 */
export async function refuseForeignLayout(root: string, project: string, stack: string): Promise<void> {
  const names = await listFolder(join(root, 'stacks', project));
  const compressed = [`${stack}.json.gz`, `${stack}.json.zst`].find((name) => names.includes(name));
  if (compressed !== undefined) refuse(`a compressed state file (${compressed})`);
  const meta = await readIfPresent(metaFile(root));
  if (meta !== undefined && !/^version:\s*1\s*$/m.test(meta))
    refuse(`a backend of another version (meta.yaml: ${meta.trim()})`);
  const isLegacy =
    meta === undefined && (await listFolder(join(root, 'stacks'))).some((name) => /\.json(\.gz|\.zst)?$/.test(name));
  if (isLegacy) refuse('a backend with stacks outside projects (the legacy layout)');
}

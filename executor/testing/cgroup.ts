import { accessSync, constants } from 'node:fs';

/** A cgroup v2 of this host where root may make groups, or why there is none: the root half cannot be tried for real without. */
export function findCgroup(): { folder: string } | { missing: string } {
  if (process.getuid?.() !== 0) return { missing: 'not root' };
  for (const folder of ['/sys/fs/cgroup', '/sys/fs/cgroup/unified']) {
    try {
      accessSync(`${folder}/cgroup.procs`, constants.W_OK);
      accessSync(`${folder}/cgroup.controllers`, constants.R_OK);
      return { folder };
    } catch {
      continue;
    }
  }
  return { missing: 'no writable cgroup v2' };
}

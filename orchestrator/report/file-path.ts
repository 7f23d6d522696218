import { posix } from 'node:path';
import type { AuditEvent, AuditPath } from './audit-events.ts';

/** Where a file is: an absolute path, or, where even the folder's inode was never seen before, only the end of one. */
export interface ResolvedPath {
  readonly path: string;
  readonly resolved: boolean;
}

/** More folders than a script makes to be understood. */
const FOLDERS_MAX = 20_000;

/**
 * Makes absolute paths of the names in PATH records. A name is relative to the working directory, or, in the calls that end in "at", to a folder
 * that is open already: then the record of the parent folder carries the working directory's name but its own inode, by which we know it again.
 */
export class FilePaths {
  readonly #folders = new Map<string, string>();

  resolve(event: AuditEvent, path: AuditPath): ResolvedPath {
    if (path.name.startsWith('/')) return { path: posix.normalize(path.name), resolved: true };
    const second = isSecond(event, path);
    if (isWorkingFolder(event.args[HANDLES[event.call]?.[second ? 1 : 0] ?? -1]) && event.cwd !== undefined) {
      return { path: posix.resolve('/', event.cwd, path.name), resolved: true };
    }
    const parents = event.paths.filter(({ type }) => type === 'PARENT');
    const folder = this.#folders.get(parents.at(second ? -1 : 0)?.inode ?? '');
    if (folder === undefined) return { path: path.name, resolved: false };
    return { path: posix.join(folder, posix.basename(path.name)), resolved: true };
  }

  /** Remembers the folders that an event shows by path and inode. */
  learn(event: AuditEvent): void {
    const byName = (HANDLES[event.call] ?? []).every((index) => isWorkingFolder(event.args[index]));
    for (const path of event.paths) {
      const isParent = path.type === 'PARENT' && (byName || (path.name.startsWith('/') && path.name !== event.cwd));
      const isMade = path.type === 'CREATE' && event.call.startsWith('mkdir');
      if ((!isParent && !isMade) || path.inode === undefined || this.#folders.size >= FOLDERS_MAX) continue;
      const { path: folder, resolved } = this.resolve(event, path);
      if (resolved) this.#folders.set(path.inode, folder);
    }
  }
}

/** Which arguments are open folders: of the first path, and of the second where there is one. */
const HANDLES: Readonly<Record<string, readonly [number, number] | undefined>> = {
  openat: [0, 0],
  openat2: [0, 0],
  mkdirat: [0, 0],
  mknodat: [0, 0],
  unlinkat: [0, 0],
  fchmodat: [0, 0],
  fchmodat2: [0, 0],
  fchownat: [0, 0],
  symlinkat: [1, 1],
  renameat: [0, 2],
  renameat2: [0, 2],
  linkat: [0, 2],
};

/** Whether a folder handle is none, or the one that stands for the working directory: -100, as 32 or 64 bits. */
function isWorkingFolder(handle: string | undefined): boolean {
  return handle === undefined || /^(?:ffffffff)?ffffff9c$/.test(handle);
}

/** Of a rename's two paths, or a link's, what is made and what it replaces is the second. */
function isSecond(event: AuditEvent, path: AuditPath): boolean {
  if (!/^(?:rename|link)/.test(event.call)) return false;
  return path.type === 'CREATE' || event.paths.find(({ type }) => type === 'DELETE') !== path;
}

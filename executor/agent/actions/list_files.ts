import { readdirSync, type Stats } from 'node:fs';
import type { ActionArgs } from '../../protocol/action.ts';
import type { ActionResult } from '../../protocol/answer.ts';
import type { FileEntry } from '../../protocol/shapes.ts';
import { PATH_MAX_BYTES } from '../../protocol/limits.ts';
import { errnoOf } from '../failure.ts';
import { Descriptor } from '../files/descriptor.ts';
import { openFolder } from '../files/open.ts';
import { NAME_ONLY } from '../files/walk.ts';
import { Budget } from '../output/budget.ts';
import type { Context } from '../action.ts';

/** Folders below folders: more is a trap for whoever walks it. */
const DEPTH_MAX = 32;

/** Names of one folder that are looked at: a folder with more is listed in part, and that is said. */
const NAMES_MAX = 100_000;

/** Lists a folder and everything below it in the order of their names, by handles only: no link is followed, no name used twice. */
export function run(
  { path, max_entries: maxEntries }: ActionArgs<'list_files'>,
  { guest }: Context,
): ActionResult<'list_files'> {
  using folder = openFolder(guest.root, path);
  const listing: Listing = { entries: [], maxEntries, budget: new Budget(), truncated: false };
  listFolder(folder, Buffer.from(`${path}/`), 1, listing);
  return { entries: listing.entries, truncated: listing.truncated };
}

interface Listing {
  readonly entries: FileEntry[];
  readonly maxEntries: number;
  readonly budget: Budget;
  truncated: boolean;
}

function listFolder(folder: Descriptor, prefix: Buffer, depth: number, listing: Listing): void {
  for (const name of namesIn(folder, listing)) {
    using place = openName(folder, name);
    if (place === undefined) continue;
    const path = Buffer.concat([prefix, name]);
    const stat = place.stat();
    const entry = entryOf(path, stat);
    if (listing.entries.length >= listing.maxEntries || !listing.budget.take(entry)) {
      listing.truncated = true;
      return;
    }
    listing.entries.push(entry);
    if (stat.isDirectory()) listBelow(place, path, depth, listing);
  }
}

/** A folder that may not be read, or is too deep, is listed itself and not entered. */
function listBelow(place: Descriptor, path: Buffer, depth: number, listing: Listing): void {
  if (depth >= DEPTH_MAX || path.length >= PATH_MAX_BYTES) {
    listing.truncated = true;
    return;
  }
  listFolder(place, Buffer.concat([path, Buffer.from('/')]), depth + 1, listing);
}

function namesIn(folder: Descriptor, listing: Listing): Buffer[] {
  try {
    const names = readdirSync(folder.link, { encoding: 'buffer' });
    if (names.length > NAMES_MAX) listing.truncated = true;
    return names.sort((a, b) => Buffer.compare(a, b)).slice(0, NAMES_MAX);
  } catch (error) {
    if (errnoOf(error) !== 'EACCES' && errnoOf(error) !== 'ENOENT') throw error;
    listing.truncated = true;
    return [];
  }
}

/** Undefined when the name is gone since it was listed. */
function openName(folder: Descriptor, name: Buffer): Descriptor | undefined {
  try {
    return Descriptor.open(Buffer.concat([Buffer.from(`${folder.link}/`), name]), NAME_ONLY);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'EACCES') return undefined;
    throw error;
  }
}

function entryOf(path: Buffer, stat: Stats): FileEntry {
  const text = path.toString('utf8');
  return {
    path: text,
    ...(Buffer.from(text).equals(path) ? {} : { path_base64: path.toString('base64') }),
    type: typeOf(stat),
    size: stat.size,
    mode: (stat.mode & 0o7777).toString(8).padStart(4, '0'),
    uid: stat.uid,
    modified_ms: Math.trunc(stat.mtimeMs),
  };
}

function typeOf(stat: Stats): FileEntry['type'] {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'folder';
  if (stat.isSymbolicLink()) return 'link';
  if (stat.isFIFO()) return 'fifo';
  return stat.isSocket() ? 'socket' : 'device';
}

import { constants, type Stats } from 'node:fs';
import { join } from 'node:path';
import { ActionFailure } from '../failure.ts';
import { Descriptor } from './descriptor.ts';

/** Linux's O_PATH, which Node does not name: a handle on the place, without opening what is there. */
const O_PATH = 0o10000000;

/** A handle that only names: nothing is opened, so no device or FIFO ever notices. */
export const NAME_ONLY = O_PATH | constants.O_NOFOLLOW;

/**
 * Goes from `root` down to a path one component at a time and gives a handle on what is there (open(2) O_PATH). Each component is taken
 * from the handle of the folder before, without following links, so renaming or relinking folders meanwhile leads nowhere else;
 * at the end the kernel is asked where the handle is, and that must be the path that was asked for. The path must have one reading
 * (GuestPath). What is found is judged before that: a name that was taken away never comes back to a handle, so a file that has one name and
 * is where it was asked for has that name. The other way round, a second name could go between the two. Throws ActionFailure, or a system error.
 */
export function walkTo(root: string, path: string, judge: (found: Stats) => void = () => undefined): Descriptor {
  const names = path.split('/').slice(1);
  let here = Descriptor.open(root, NAME_ONLY | constants.O_DIRECTORY);
  for (const [index, name] of names.entries()) {
    using folder = here;
    here = Descriptor.open(`${folder.link}/${name}`, NAME_ONLY);
    try {
      const isLast = index === names.length - 1;
      const found = here.stat();
      judgeComponent(found, isLast);
      if (isLast) judge(found);
    } catch (error) {
      here[Symbol.dispose]();
      throw error;
    }
  }
  return judgePlace(here, join(root, path));
}

function judgeComponent(stat: Stats, isLast: boolean): void {
  if (stat.isSymbolicLink()) {
    throw new ActionFailure('IS_A_LINK', {
      expected: 'a path without links',
      got: 'a link',
      hint: 'name the target itself',
    });
  }
  if (!isLast && !stat.isDirectory()) {
    throw new ActionFailure('NOT_A_FOLDER', {
      expected: 'folders on the way',
      got: 'something else',
      hint: 'list_files shows types',
    });
  }
}

function judgePlace(here: Descriptor, expected: string): Descriptor {
  if (here.path === expected) return here;
  here[Symbol.dispose]();
  throw new ActionFailure('PATH_CHANGED', {
    expected: 'a path that stays while it is opened',
    got: 'one that was moved or removed',
    hint: 'something in the sandbox is renaming files; ask again',
  });
}

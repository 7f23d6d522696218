import { constants, type Stats } from 'node:fs';
import { ActionFailure } from '../failure.ts';
import { Descriptor } from './descriptor.ts';
import { walkTo } from './walk.ts';

/**
 * Opens a regular file for reading. What it is is judged on the handle, before it is opened, and the handle itself is then opened:
 * between judging and reading there is no name that could come to mean something else. Throws ActionFailure, or a system error.
 */
export function openFile(root: string, path: string): Descriptor {
  using place = walkTo(root, path, judgeFile);
  return Descriptor.open(place.link, constants.O_RDONLY);
}

/** Opens a folder, in the same way. */
export function openFolder(root: string, path: string): Descriptor {
  using place = walkTo(root, path, judgeFolder);
  return Descriptor.open(place.link, constants.O_RDONLY | constants.O_DIRECTORY);
}

function judgeFolder(stat: Stats): void {
  if (stat.isDirectory()) return;
  throw new ActionFailure('NOT_A_FOLDER', {
    expected: 'a folder',
    got: 'something else',
    hint: 'list_files shows types',
  });
}

/** A file with a second name may be a file from elsewhere: a script can link what it cannot read. */
function judgeFile(stat: Stats): void {
  if (!stat.isFile()) {
    throw new ActionFailure('NOT_A_FILE', {
      expected: 'a regular file',
      got: 'something else',
      hint: 'list_files shows types',
    });
  }
  if (stat.nlink !== 1) {
    const got = `${stat.nlink} names`;
    throw new ActionFailure('HAS_OTHER_NAMES', {
      expected: 'a file with one name',
      got,
      hint: 'hard links are refused',
    });
  }
}

import { constants } from 'node:fs';
import { access, chmod, mkdir, stat } from 'node:fs/promises';
import { SetupError } from '../errors.ts';
import type { Check, SetupContext, SetupItem } from '../item.ts';

/** The one folder everything lives in, closed to other users: keys and evidence are below it. */
export const dataDirectory: SetupItem = {
  name: 'data-directory',
  why: 'holds keys, image, evidence',
  needs: [],
  expectedSeconds: 1,
  deadlineSeconds: 10,
  check,
  async fix({ home }) {
    try {
      await mkdir(home, { recursive: true, mode: 0o700 });
      await chmod(home, 0o700);
      await access(home, constants.R_OK | constants.W_OK | constants.X_OK);
    } catch (cause) {
      throw new SetupError(
        'data_directory_unusable',
        {
          expected: 'a data directory of ours',
          got: `${home}: ${(cause as Error).message}`,
          hint: 'set BURNBAG_HOME to a folder of yours',
        },
        { cause },
      );
    }
  },
};

async function check({ home }: SetupContext): Promise<Check> {
  const found = await stat(home).catch(() => undefined);
  if (found === undefined)
    return { state: 'missing', what: `${home} does not exist`, whatToDo: `mkdir -m 700 '${home}'` };
  const mode = found.mode & 0o777;
  const command = `chmod 700 '${home}'`;
  if (mode !== 0o700)
    return { state: 'missing', what: `${home} has mode ${mode.toString(8)}: others may look in`, whatToDo: command };
  return { state: 'ok', what: home };
}

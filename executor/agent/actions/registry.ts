import type { ActionName } from '../../protocol/action.ts';
import type { Action } from './action.ts';
import { checkHealth } from './check_health.ts';
import { getFile } from './get_file.ts';
import { listFiles } from './list_files.ts';
import { listProcesses } from './list_processes.ts';
import { putFile } from './put_file.ts';
import { readFile } from './read_file.ts';
import { runScript, scriptPath } from './run_script.ts';
import { tailLog } from './tail_log.ts';

/** Every action there is. One row here and one in the catalogue make a new one; without both it does not exist. */
export const ACTIONS: { readonly [Name in ActionName]: Action<Name> } = {
  put_file: { run: putFile, targets: ({ path, sha256 }) => [path, `sha256:${sha256}`] },
  run_script: { run: runScript, targets: ({ sha256 }) => [scriptPath(sha256)] },
  list_files: { run: listFiles, targets: ({ path }) => [path] },
  get_file: { run: getFile, targets: ({ path }) => [path] },
  read_file: { run: readFile, targets: ({ path }) => [path] },
  tail_log: { run: tailLog, targets: ({ path }) => [path] },
  check_health: { run: checkHealth, targets: () => [] },
  list_processes: { run: listProcesses, targets: () => [] },
};

import type { ActionResult } from '../../protocol/answer.ts';
import { listProcesses } from '../machine/processes.ts';

/** Lists what runs now. */
export function run(): ActionResult<'list_processes'> {
  return listProcesses();
}

import type { ActionResult } from '../../protocol/answer.ts';
import { listSockets } from '../machine/sockets.ts';

/** Lists the machine's sockets. Loopback is all the network a sandbox has, so the tables are short. */
export function run(): ActionResult<'list_sockets'> {
  return listSockets('/proc/self/net');
}

import { aws } from './aws.ts';
import { cancel } from './cancel.ts';
import type { AddCommand } from './command.ts';
import { detonate } from './detonate.ts';
import { evidence } from './evidence.ts';
import { logs } from './logs.ts';
import { reap } from './reap.ts';
import { run } from './run.ts';
import { runs } from './runs.ts';
import { doctor, setup } from './setup.ts';
import { show } from './show.ts';
import { stack } from './stack.ts';
import { tunnel } from './tunnel.ts';
import { verify } from './verify.ts';
import { version } from './version.ts';

/** Every command, in the order --help lists them. */
export const COMMANDS: readonly AddCommand[] = [
  detonate,
  run,
  runs,
  show,
  logs,
  verify,
  tunnel,
  evidence,
  cancel,
  reap,
  stack,
  setup,
  doctor,
  aws,
  version,
];

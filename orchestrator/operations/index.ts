import { cancel } from './cancel.ts';
import { detonate } from './detonate.ts';
import { doctor } from './doctor.ts';
import { logs } from './logs.ts';
import { reap } from './reap.ts';
import { run } from './run.ts';
import { runs } from './runs.ts';
import { setup } from './setup.ts';
import { show } from './show.ts';
import { verify } from './verify.ts';

export type { Operation, OperationContext } from './operation.ts';

/** Everything a caller can do. */
export const OPERATIONS = { detonate, run, runs, show, logs, verify, cancel, reap, setup, doctor } as const;
export type OperationName = keyof typeof OPERATIONS;

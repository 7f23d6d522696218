import { awsFoundation } from './aws-foundation.ts';
import { awsImage } from './aws-image.ts';
import { awsRelayConfig } from './aws-relay-config.ts';
import { cancel } from './cancel.ts';
import { detonate } from './detonate.ts';
import { doctor } from './doctor.ts';
import { evidenceArchive, evidenceCustody, evidenceExport, evidenceHold, evidenceLs } from './evidence.ts';
import { logs } from './logs.ts';
import { reap } from './reap.ts';
import { run } from './run.ts';
import { runs } from './runs.ts';
import { setup } from './setup.ts';
import { show } from './show.ts';
import { stackExport, stackLs, stackShow } from './stacks.ts';
import { tunnel } from './tunnel.ts';
import { verify } from './verify.ts';

export type { Operation, OperationContext } from './operation.ts';

/** Everything a caller can do. */
export const OPERATIONS = {
  detonate,
  run,
  runs,
  show,
  logs,
  verify,
  tunnel,
  cancel,
  reap,
  setup,
  doctor,
  evidence_ls: evidenceLs,
  evidence_archive: evidenceArchive,
  evidence_export: evidenceExport,
  evidence_hold: evidenceHold,
  evidence_custody: evidenceCustody,
  stack_ls: stackLs,
  stack_show: stackShow,
  stack_export: stackExport,
  aws_foundation: awsFoundation,
  aws_image: awsImage,
  aws_relay_config: awsRelayConfig,
} as const;
export type OperationName = keyof typeof OPERATIONS;

import { spawnSync } from 'node:child_process';
import * as z from 'zod';
import { ActionFailure } from '../failure.ts';

const Count = z.int().min(0);

/** What the kernel says of its audit (audit_status in linux/audit.h). `pid`: the process that gets the records, 0 without one. */
export const AuditStatus = z.strictObject({ enabled: z.int().min(0).max(2), pid: Count, lost: Count, backlog: Count });
export type AuditStatus = z.infer<typeof AuditStatus>;

/** Node speaks no netlink, so the image's own program asks. */
const AUDITCTL = '/usr/sbin/auditctl';

/** A cold start under emulation takes a fraction of this. */
const TIMEOUT_MS = 10_000;

/** Asks the kernel; root only. Throws ActionFailure. */
export function readAuditStatus(): AuditStatus {
  const { stdout, error, status } = spawnSync(AUDITCTL, ['-s'], {
    env: {},
    timeout: TIMEOUT_MS,
    stdio: ['ignore', 'pipe', 'ignore'],
    encoding: 'utf8',
  });
  const read = error === undefined && status === 0 ? parseAuditStatus(stdout) : undefined;
  if (read !== undefined) return read;
  throw new ActionFailure('INTERNAL', {
    expected: `${AUDITCTL} to tell the state of the audit`,
    got: error?.message ?? `exit ${String(status)}`,
    hint: 'the image has it; does the kernel audit?',
  });
}

/** Reads what `auditctl -s` prints: a name and a number a line, others ignored. Undefined when one that matters is missing. */
export function parseAuditStatus(text: string): AuditStatus | undefined {
  const rows = text.split('\n').map((line) => line.split(' '));
  const numberOf = (name: string): number | undefined => {
    const value = rows.find(([first]) => first === name)?.[1] ?? '';
    return /^[0-9]{1,10}$/.test(value) ? Number(value) : undefined;
  };
  const said = AuditStatus.safeParse({
    enabled: numberOf('enabled'),
    pid: numberOf('pid'),
    lost: numberOf('lost'),
    backlog: numberOf('backlog'),
  });
  return said.data;
}

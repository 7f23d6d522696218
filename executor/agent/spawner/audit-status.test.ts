import { describe, expect, it } from 'vitest';
import { parseAuditStatus } from './audit-status.ts';

/** As auditctl 4.0.2 prints it. */
const SAID = `enabled 2
failure 1
pid 141
rate_limit 0
backlog_limit 8192
lost 3
backlog 4
backlog_wait_time 60000
backlog_wait_time_actual 0
loginuid_immutable 0 unlocked
`;

describe('parseAuditStatus', () => {
  it('reads what auditctl prints', () => {
    expect(parseAuditStatus(SAID)).toEqual({ enabled: 2, pid: 141, lost: 3, backlog: 4 });
  });

  it.each(['enabled', 'pid', 'lost', 'backlog'])('tells nothing where %s is missing or no number', (name) => {
    expect(parseAuditStatus(SAID.replace(new RegExp(`^${name} .*\n`, 'm'), ''))).toBeUndefined();
    expect(parseAuditStatus(SAID.replace(new RegExp(`^${name} .*$`, 'm'), `${name} -1`))).toBeUndefined();
  });
});

// Stands in for agent-exec: answers check_health, tells what sshd exposed when asked to read, and ends with its input.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { ActionRequest, Answer, ActionResult } from '../../../executor/protocol/index.ts';

const health: ActionResult<'check_health'> = {
  now_ms: Date.now(),
  uptime_seconds: 1,
  memory: { total_bytes: 1, available_bytes: 1 },
  disks: [],
  time: { offset_ms: null, source: 'tsc' },
  services: { sshd: 'running', auditd: 'running', syslogd: 'running', spawner: 'running' },
  audit: { enabled: null, lost: null, backlog: null, auditd: 'running' },
};
const data = readFileSync(process.env['SSH_USER_AUTH'] ?? '/dev/null', 'utf8');
const exposed: ActionResult<'read_file'> = {
  encoding: 'utf8',
  data,
  offset: 0,
  bytes: data.length,
  sha256: '0'.repeat(64),
  file_bytes: data.length,
  truncated: false,
};

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, action } = JSON.parse(line) as ActionRequest;
  const answer: Answer =
    action === 'read_file'
      ? { id, status: 'ok', action, duration_ms: 0, result: exposed }
      : { id, status: 'ok', action: 'check_health', duration_ms: 0, result: health };
  process.stdout.write(`${JSON.stringify(answer)}\n`);
});

import { STARTED_MS } from './arrivals.ts';

/** A digest of nothing in particular. */
export const SHA = 'ab'.repeat(32);
/** The process that the second request starts. */
export const SCRIPT_PID = 4242;
/** What the test's run asks, in this order. */
export const ACTIONS = ['put_file', 'run_script', 'read_file', 'check_health'] as const;
/** The relay's clock when the run begins; the guest's is 40 ms behind. */
export const GUEST_BEHIND_MS = 40;

/* What the executor of the test’s run answers to its requests. */

export function answer(id: number): string {
  return okAnswer(id, { path: '/work/in/x', bytes: 1, sha256: SHA });
}

export function scriptAnswer(id: number): string {
  const output = { encoding: 'utf8', data: '', bytes: 0, sha256: SHA, truncated: false };
  const ended = { exit_code: 0, signal: null, timed_out: false, out_of_memory: false };
  return okAnswer(id, {
    ...ended,
    duration_ms: 1,
    first_output_ms: null,
    pid: SCRIPT_PID,
    stdout: output,
    stderr: output,
  });
}

export function healthAnswer(id: number): string {
  return okAnswer(id, {
    now_ms: STARTED_MS + 8 * id + 3 - GUEST_BEHIND_MS,
    uptime_seconds: 5.2,
    memory: { total_bytes: 1, available_bytes: 1 },
    disks: [],
    time: { offset_ms: 0, source: 'tsc' },
    services: { sshd: 'running', auditd: 'running', syslogd: 'running', spawner: 'running' },
    audit: { enabled: true, lost: 0, backlog: 0, auditd: 'running' },
  });
}

function okAnswer(id: number, result: object): string {
  return JSON.stringify({ id, status: 'ok', action: ACTIONS[id - 1], result, duration_ms: 1 });
}

export function refusal(id: number): string {
  const error = {
    code: 'PATH_NOT_GRANTED',
    expected: 'a path of the grant',
    got: '/etc/shadow',
    hint: 'ask for what was granted',
  };
  return JSON.stringify({ id, status: 'refused', error });
}

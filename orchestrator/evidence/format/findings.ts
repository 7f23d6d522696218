import type { StreamName } from './streams.ts';

/**
 * Every finding that keeps evidence from being called complete. `gaps`: something is missing or contradicts another witness.
 * `unknown`: nothing contradicts, but it could not be checked. The worst finding decides.
 */
export const FINDINGS = {
  // A stream as such.
  stream_lost: { verdict: 'gaps', why: 'the stream broke before its end' },
  stream_never_opened: { verdict: 'unknown', why: 'the run did not get far enough to be watched from this side' },
  stream_not_listed: { verdict: 'unknown', why: 'nobody said what became of this stream' },
  stream_empty: { verdict: 'gaps', why: 'a session took place, and this stream has not one record of it' },
  record_incomplete: { verdict: 'gaps', why: 'the last record has no end' },
  record_unreadable: { verdict: 'gaps', why: 'a record does not follow its schema' },
  too_many_records: { verdict: 'unknown', why: 'more records than are examined one by one' },
  chain_broken: { verdict: 'gaps', why: 'a record was changed, dropped, moved or added' },
  other_run: { verdict: 'gaps', why: 'a record names another run' },
  // What arrived, and what lay where it came from.
  arrival_differs: { verdict: 'gaps', why: 'the file is not what had arrived' },
  source_differs: { verdict: 'gaps', why: 'what lay at its source in the end is not what had arrived' },
  stream_shrank: { verdict: 'gaps', why: 'the source became shorter while it was followed' },
  stream_flooded: { verdict: 'gaps', why: 'more came than is kept' },
  arrivals_not_closed: { verdict: 'gaps', why: 'whoever followed the streams did not come to the end of them' },
  file_differs: { verdict: 'gaps', why: 'the guest’s own file is not what it had sent' },
  // The relay's sessions, beside sshd's and the executor's.
  login_not_recorded: { verdict: 'gaps', why: 'the relay logged in, and sshd has no record of it' },
  login_not_ours: { verdict: 'gaps', why: 'sshd accepted a login that was not the relay’s' },
  session_not_recorded: { verdict: 'gaps', why: 'the relay logged in, and the executor has no session' },
  session_not_closed: { verdict: 'gaps', why: 'the executor did not record the end of its session' },
  session_not_ours: { verdict: 'gaps', why: 'the executor had a session that the relay did not open' },
  session_broken: { verdict: 'gaps', why: 'the relay’s session broke before it was ended' },
  transcript_not_ended: { verdict: 'gaps', why: 'the relay did not record the end of its session' },
  bytes_differ: { verdict: 'gaps', why: 'the lines on record are not all the bytes that crossed' },
  request_not_recorded: { verdict: 'gaps', why: 'the relay sent a request of which the executor has no record' },
  request_not_sent: { verdict: 'gaps', why: 'the executor recorded a request that the relay did not send' },
  action_not_ended: { verdict: 'gaps', why: 'the executor recorded the start of an action, not its end' },
  answer_differs: { verdict: 'gaps', why: 'what the executor recorded is not what the relay received' },
  // The capture, beside what the relay says of its own connections.
  capture_truncated: { verdict: 'gaps', why: 'frames crossed the cable that are not in the capture' },
  capture_not_closed: { verdict: 'gaps', why: 'whoever captured did not come to the end of it' },
  capture_differs: { verdict: 'gaps', why: 'the relay had more connections or bytes than crossed the cable' },
  call_not_ended: { verdict: 'gaps', why: 'a call to make or end a resource began, and its end is not on record' },
  // auditd, and the clock.
  audit_gap: { verdict: 'gaps', why: 'numbers of audit records are missing' },
  audit_lost: { verdict: 'gaps', why: 'audit records were dropped in the guest' },
  audit_uncounted: { verdict: 'unknown', why: 'nobody asked how many audit records the kernel had lost' },
  audit_stopped: { verdict: 'gaps', why: 'auditd did not run to the end' },
  audit_ended_early: { verdict: 'gaps', why: 'what surely happened last is not in the audit stream' },
  process_not_audited: { verdict: 'gaps', why: 'the executor started a process that the audit stream does not have' },
  clock_stepped: { verdict: 'gaps', why: 'the guest’s clock stood still or was set while the session ran' },
} as const satisfies Record<string, { verdict: 'gaps' | 'unknown'; why: string }>;

export type FindingCode = keyof typeof FINDINGS;
export const FINDING_CODES = Object.keys(FINDINGS) as [FindingCode, ...FindingCode[]];

/** One finding: what, in which stream, where exactly. */
export interface Finding {
  readonly code: FindingCode;
  readonly stream: StreamName;
  readonly detail: string;
}

/** Whether evidence is whole. */
export const VERDICTS = ['complete', 'gaps', 'unknown'] as const;
export type Completeness = (typeof VERDICTS)[number];

/** The worst of all findings; none at all means complete. */
export function weigh(findings: readonly Finding[]): Completeness {
  const verdicts = new Set(findings.map(({ code }) => FINDINGS[code].verdict));
  if (verdicts.has('gaps')) return 'gaps';
  return verdicts.has('unknown') ? 'unknown' : 'complete';
}

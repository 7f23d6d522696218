import * as z from 'zod';

/**
 * Every finding that keeps evidence from being called complete. `gaps`: something is missing or contradicts another witness.
 * `unknown`: nothing contradicts, but it could not be checked. The worst finding decides.
 */
export const FINDINGS = {
  stream_lost: { verdict: 'gaps', why: 'the stream broke before its end' },
  stream_never_opened: { verdict: 'unknown', why: 'the run did not get far enough to be watched from this side' },
  stream_not_listed: { verdict: 'unknown', why: 'nobody said what became of this stream' },
  stream_empty: { verdict: 'gaps', why: 'a session took place, and this stream has not one record of it' },
  record_incomplete: { verdict: 'gaps', why: 'the last record has no end' },
  record_unreadable: { verdict: 'gaps', why: 'a record does not follow its schema' },
  too_many_records: { verdict: 'unknown', why: 'more records than are examined one by one' },
  chain_broken: { verdict: 'gaps', why: 'a record was changed, dropped, moved or added' },
  other_run: { verdict: 'gaps', why: 'a record names another run' },
  session_not_recorded: { verdict: 'gaps', why: 'the relay logged in, and the executor has no session' },
  session_not_closed: { verdict: 'gaps', why: 'the executor did not record the end of its session' },
  session_not_ours: { verdict: 'gaps', why: 'the executor had a session that the relay did not open' },
  transcript_not_ended: { verdict: 'gaps', why: 'the relay did not record the end of its session' },
  request_not_recorded: { verdict: 'gaps', why: 'the relay sent a request of which the executor has no record' },
  request_not_sent: { verdict: 'gaps', why: 'the executor recorded a request that the relay did not send' },
  action_not_ended: { verdict: 'gaps', why: 'the executor recorded the start of an action, not its end' },
  answer_differs: { verdict: 'gaps', why: 'what the executor recorded is not what the relay received' },
  audit_lost: { verdict: 'gaps', why: 'the kernel dropped audit records' },
} as const satisfies Record<string, { verdict: 'gaps' | 'unknown'; why: string }>;

export type FindingCode = keyof typeof FINDINGS;
export const FINDING_CODES = Object.keys(FINDINGS) as readonly FindingCode[];

/** One finding: what, in which stream, where exactly. */
export const Finding = z.strictObject({
  code: z.enum(Object.keys(FINDINGS) as [FindingCode, ...FindingCode[]]),
  stream: z.enum(['sshd', 'executor', 'audit', 'relay', 'engine', 'console']),
  detail: z.string().max(512),
});
export type Finding = z.infer<typeof Finding>;

/** Whether evidence is whole. */
export const Completeness = z.enum(['complete', 'gaps', 'unknown']);
export type Completeness = z.infer<typeof Completeness>;

/** The worst of all findings; none at all means complete. */
export function weigh(findings: readonly Finding[]): Completeness {
  const verdicts = new Set(findings.map(({ code }) => FINDINGS[code].verdict));
  if (verdicts.has('gaps')) return 'gaps';
  return verdicts.has('unknown') ? 'unknown' : 'complete';
}

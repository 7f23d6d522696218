import type { StreamEntry } from '../format/manifest.ts';
import { STREAM_NAMES } from '../format/streams.ts';
import type { Finding } from '../format/verdict.ts';
import type { ExecutorWitness, RecordedAction } from './executor.ts';
import { Findings } from './findings.ts';
import type { RelayWitness, SentRequest } from './relay.ts';

/** What one pass over all streams found: the basis of the verdict, for whoever seals and for whoever verifies. */
export interface Witnessed {
  readonly streams: readonly StreamEntry[];
  /** Names of the streams whose last record has no end. */
  readonly unfinished: ReadonlySet<string>;
  readonly executor: ExecutorWitness;
  readonly relay: RelayWitness;
}

/** Compares the witnesses with each other. Pure: the same files and endings give the same findings in the same order. */
export function judge(seen: Witnessed): readonly Finding[] {
  const findings = new Findings();
  judgeStreams(seen, findings);
  judgeSessions(seen, findings);
  judgeRequests(seen, findings);
  return [...findings.list, ...seen.executor.findings.list, ...seen.relay.findings.list];
}

/** Streams that cannot be without a record when somebody logged in. */
const NEVER_SILENT: ReadonlySet<string> = new Set(['sshd', 'audit']);
/** Streams whose records end with a newline; a console may stop anywhere. */
const RECORDED_BY_LINE: ReadonlySet<string> = new Set(['executor', 'audit', 'relay', 'engine']);

function judgeStreams({ streams, unfinished, relay }: Witnessed, findings: Findings): void {
  const listed = new Map(streams.map((entry) => [entry.stream, entry]));
  for (const name of STREAM_NAMES) {
    const entry = listed.get(name);
    if (entry === undefined) findings.add('stream_not_listed', name, 'nothing was said about it');
    else if (entry.ended.how === 'lost') findings.add('stream_lost', name, `after ${entry.records} records`);
    else if (entry.ended.how === 'never_opened') findings.add('stream_never_opened', name, 'no record was expected');
    else if (entry.records === 0 && NEVER_SILENT.has(name) && relay.sessions.length > 0) {
      findings.add('stream_empty', name, `${relay.sessions.length} sessions, 0 records`);
    }
    if (RECORDED_BY_LINE.has(name) && unfinished.has(name)) {
      findings.add('record_incomplete', name, `after ${entry?.records ?? 0} records`);
    }
  }
}

/** Sessions are matched by their certificate's serial; one that the executor turned away matches any one session of the relay. */
function judgeSessions({ executor, relay }: Witnessed, findings: Findings): void {
  const unclaimed = [...executor.sessions];
  let refused = executor.refusedSessions;
  for (const [index, serial] of relay.sessions.entries()) {
    const at = unclaimed.indexOf(serial);
    if (at !== -1) unclaimed.splice(at, 1);
    else if (refused > 0) refused -= 1;
    else findings.add('session_not_recorded', 'executor', `session ${index + 1} of the relay`);
  }
  const others = unclaimed.length + refused;
  if (others > 0) findings.add('session_not_ours', 'executor', `${others} sessions`);
}

function judgeRequests({ executor, relay }: Witnessed, findings: Findings): void {
  for (const [id, sent] of relay.requests) {
    const recorded = executor.actions.get(id);
    if (recorded === undefined) findings.add('request_not_recorded', 'executor', `request ${id}`);
    else if (differs(sent, recorded)) findings.add('answer_differs', 'executor', `request ${id}`);
  }
  for (const id of executor.actions.keys()) {
    if (!relay.requests.has(id)) findings.add('request_not_sent', 'executor', `request ${id}`);
  }
}

/** Where the relay got no answer there is none to compare: then only the executor's own record of the end counts. */
function differs({ lineSha256, answer }: SentRequest, recorded: RecordedAction): boolean {
  if (recorded.lineSha256 !== lineSha256) return true;
  if (answer === undefined) return false;
  return answer.isRefusal ? recorded.isRefused !== true : recorded.ended?.answerSha256 !== answer.lineSha256;
}

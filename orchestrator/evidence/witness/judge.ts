import type { StreamEnd, StreamName } from '../format/streams.ts';
import { STREAM_NAMES } from '../format/streams.ts';
import type { Finding } from '../format/findings.ts';
import type { ArrivalsWitness } from './arrivals.ts';
import type { AuditFileWitness } from './audit-file.ts';
import type { AuditWitness } from './audit.ts';
import type { CaptureWitness } from './capture.ts';
import { boundClock, clockProblem, type ClockBounds } from './clock.ts';
import type { ExecutorWitness, RecordedAction } from './executor.ts';
import type { EngineWitness } from './engine.ts';
import { Findings } from './findings.ts';
import type { ProviderWitness } from './provider.ts';
import type { RelayWitness, SentRequest } from './relay.ts';
import type { ConsoleWitness, SyslogWitness } from './syslog.ts';

/** Whoever read a stream, record by record. */
export interface Witnesses {
  readonly executor: ExecutorWitness;
  readonly relay: RelayWitness;
  readonly arrivals: ArrivalsWitness;
  readonly audit: AuditWitness;
  readonly auditFile: AuditFileWitness;
  readonly sshd: SyslogWitness;
  readonly console: ConsoleWitness;
  readonly engine: EngineWitness;
  readonly provider: ProviderWitness;
  readonly capture: CaptureWitness;
}

/** What one pass over all streams found: the basis of the verdict, for whoever seals and for whoever verifies. */
export interface Witnessed extends Witnesses {
  readonly streams: readonly JudgedStream[];
  /** Names of the streams whose last record has no end. */
  readonly unfinished: ReadonlySet<string>;
}

interface JudgedStream {
  readonly stream: StreamName;
  readonly records: number;
  readonly ended: { readonly how: StreamEnd };
}

/** Compares the witnesses with each other. Pure: the same files and endings give the same findings in the same order. */
export function judge(seen: Witnessed): { readonly findings: readonly Finding[]; readonly clock: ClockBounds | null } {
  const findings = new Findings();
  judgeStreams(seen, findings);
  judgeLogins(seen, findings);
  judgeSessions(seen, findings);
  judgeRequests(seen, findings);
  judgeAudit(seen, findings);
  judgeCapture(seen, findings);
  const clock = boundClock(seen.relay.requests, seen.executor.actions);
  const stepped = clockProblem(clock, seen.executor.actions);
  if (stepped !== undefined) findings.add('clock_stepped', 'executor', stepped);
  const { executor, relay, arrivals, audit, auditFile, sshd, engine, provider, console, capture } = seen;
  const all = [executor, relay, arrivals, audit, auditFile, sshd, engine, provider, console, capture];
  const own = all.map((witness) => witness.findings.list);
  return { findings: [...findings.list, ...own.flat()], clock };
}

/** Streams that cannot be without a record when somebody logged in. */
const NEVER_SILENT: ReadonlySet<string> = new Set(['sshd', 'audit']);
/** Fetched and taken only where the driver has a way to: absence says nothing, presence is compared. */
const OPTIONAL: ReadonlySet<string> = new Set(['audit_file', 'capture']);
/** Streams whose records end with a newline; a console may stop anywhere, and a capture has no lines. */
const RECORDED_BY_LINE: ReadonlySet<string> = new Set(
  STREAM_NAMES.filter((name) => name !== 'console' && name !== 'capture'),
);

function judgeStreams({ streams, unfinished, relay }: Witnessed, findings: Findings): void {
  const listed = new Map(streams.map((entry) => [entry.stream, entry]));
  for (const name of STREAM_NAMES) {
    const entry = listed.get(name);
    if (entry === undefined && OPTIONAL.has(name)) continue;
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

/** Every login of the relay, by its certificate's serial, and no other. */
function judgeLogins({ sshd, relay }: Witnessed, findings: Findings): void {
  const unclaimed = [...sshd.logins];
  for (const [index, serial] of relay.logins.entries()) {
    const at = unclaimed.indexOf(serial);
    if (at === -1) findings.add('login_not_recorded', 'sshd', `login ${index + 1} of the relay`);
    else unclaimed.splice(at, 1);
  }
  if (unclaimed.length > 0) findings.add('login_not_ours', 'sshd', `${unclaimed.length} logins`);
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

/** What the executor started must be in the audit stream, and so must the login that came after all of it. */
function judgeAudit({ executor, relay, audit }: Witnessed, findings: Findings): void {
  if (executor.sessions.length > 0 && !relay.hasCount)
    findings.add('audit_uncounted', 'audit', `no answer about health in ${relay.sessions.length} sessions`);
  if (audit.records === 0) return;
  for (const [id, { pid }] of executor.actions) {
    if (pid !== undefined && !audit.started.has(pid))
      findings.add('process_not_audited', 'audit', `process ${pid} of request ${id}`);
  }
  if (relay.hasFetched && !audit.hasReader)
    findings.add('audit_ended_early', 'audit', `no record of the last login, after number ${audit.lastSeq ?? 0}`);
}

/** Each login was a connection on the cable, and what it carried crossed it, encrypted and with more around it. */
function judgeCapture({ streams, relay, capture }: Witnessed, findings: Findings): void {
  const entry = streams.find(({ stream }) => stream === 'capture');
  if (entry === undefined || entry.ended.how === 'never_opened' || capture.findings.list.length > 0) return;
  const { connections, carried } = capture;
  if (connections < relay.logins.length)
    findings.add('capture_differs', 'capture', `${connections} connections, ${relay.logins.length} logins`);
  if (carried.relay < relay.bytes.sent || carried.guest < relay.bytes.received) {
    const told = `${relay.bytes.sent} bytes sent and ${relay.bytes.received} received by the relay`;
    findings.add('capture_differs', 'capture', `${told}, ${carried.relay} and ${carried.guest} on the cable`);
  }
}

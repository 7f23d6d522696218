import type { ActionResult } from '../../executor/protocol/index.ts';
import { type AuditEvent, readEvents, type StreamCount } from './audit-events.ts';
import { ChangedFiles } from './changed-files.ts';
import { Connections } from './connections.ts';
import { ProcessTree } from './process-tree.ts';
import type { Report, ScriptEnd } from './report.ts';

/** Reads what a run's scripts did out of its evidence: the audit stream, and the executor's answers to run_script. Never fails on content. */
export function buildReport({ runId, audit, scripts }: ReportSources): Report {
  const stream: StreamCount = { lines: 0, malformed: 0, events: 0 };
  const seen = { processes: new ProcessTree(), connections: new Connections(), files: new ChangedFiles(), ia32: 0 };
  for (const event of readEvents(audit, stream)) takeIn(seen, event);
  return {
    version: 1,
    run_id: runId,
    scripts: scripts.map(scriptEnd),
    processes: seen.processes.processes,
    failed_programs: seen.processes.failedPrograms,
    connections: seen.connections.all,
    files: seen.files.changed,
    refused: seen.files.refused,
    counts: countUp(seen),
    left_out: { ...seen.processes.leftOut, connections: seen.connections.leftOut, ...seen.files.leftOut },
    audit: { bytes: audit.byteLength, ...stream },
  };
}

export interface ReportSources {
  readonly runId: string;
  /** The audit stream as it left the guest, or the guest's own log file. */
  readonly audit: Uint8Array;
  readonly scripts: readonly ScriptAnswer[];
}

/** The executor's answer to one run_script. */
export interface ScriptAnswer {
  readonly requestId: number;
  readonly sha256: string;
  readonly result: ActionResult<'run_script'>;
}

interface Seen {
  readonly processes: ProcessTree;
  readonly connections: Connections;
  readonly files: ChangedFiles;
  ia32: number;
}

/** Which calls are what, by the names in system-call.ts; what is left is a change of files if a rule for files asked for it. */
const EXECUTE = /^execve/;
const FORK = /^(?:clone|fork|vfork)/;
const CONNECT = /^(?:connect|send)/;
const FILE_KEYS: ReadonlySet<string> = new Set(['write', 'denied']);

function takeIn(seen: Seen, event: AuditEvent): void {
  const process = seen.processes.processOf(event);
  if (process === undefined) return;
  if (event.key === 'ia32') seen.ia32++;
  else if (EXECUTE.test(event.call)) seen.processes.execute(event);
  else if (FORK.test(event.call)) seen.processes.fork(event);
  else if (event.call === 'socket') seen.connections.makeSocket(event);
  else if (CONNECT.test(event.call)) seen.connections.tryOne(event, process);
  else if (FILE_KEYS.has(event.key ?? '')) seen.files.touch(event, process);
}

function countUp({ processes, connections, files, ia32 }: Seen): Report['counts'] {
  const beyond = connections.all.filter(({ scope }) => scope !== 'local');
  const sum = (tried: readonly { readonly times: number }[]) => tried.reduce((total, { times }) => total + times, 0);
  return {
    processes: processes.processes.length + processes.leftOut.processes,
    connections_tried: sum(beyond) + connections.leftOut,
    connections_possible: sum(beyond.filter(({ possible }) => possible)),
    connections_undecided: sum(beyond.filter(({ undecided }) => undecided)),
    files_written: files.changed.filter(({ changes }) => changes.some((change) => WRITTEN.has(change))).length,
    noise: connections.noise + files.noise,
    other_failures: files.otherFailures,
    ia32_calls: ia32,
  };
}

const WRITTEN: ReadonlySet<string> = new Set(['created', 'written', 'renamed', 'linked']);

function scriptEnd({ requestId, sha256, result }: ScriptAnswer): ScriptEnd {
  const { stdout, stderr, ...ended } = result;
  const size = ({ bytes, sha256: digest, truncated }: typeof stdout) => ({ bytes, sha256: digest, truncated });
  return { request_id: requestId, sha256, ...ended, stdout: size(stdout), stderr: size(stderr) };
}

import type { Journal } from './journal/index.ts';
import type { LiveRun } from './live.ts';
import type { RunResult } from './summary.ts';

type RecordedAction = Awaited<ReturnType<Journal['listActions']>>[number];

/** What the conductor knows at the end of a run, in the shape that is stored and shown. */
export function resultOf(live: LiveRun, actions: readonly RecordedAction[]): RunResult {
  return {
    phases: [...live.phases],
    answers: [...live.answers],
    unknown_actions: unknownOf(actions),
    failures: live.failures.map(({ code, expected, got, hint }) => ({ code, expected, got, hint })),
    report: live.report,
    evidence: evidenceOf(live),
    burn: burnOf(live),
    first_output_ms: firstOutput(live),
  };
}

/** By the journal, which outlives the process that sent them. */
export function unknownOf(actions: readonly RecordedAction[]): RunResult['unknown_actions'] {
  const answered = new Set(actions.flatMap(({ state, requestId }) => (state === 'answered' ? [requestId] : [])));
  const open = actions.filter(({ state, requestId }) => state === 'sent' && !answered.has(requestId));
  return open.map(({ requestId, action }) => ({ request_id: requestId, action }));
}

function evidenceOf({ evidence, folder, stamp }: LiveRun): RunResult['evidence'] {
  if (evidence === undefined) return null;
  const { seal, record } = evidence;
  return {
    folder,
    files: seal.manifest.files.length,
    bytes: seal.manifest.files.reduce((sum, { bytes }) => sum + bytes, 0),
    evidence_root: seal.evidenceRoot,
    verdict: seal.manifest.verdict,
    findings: seal.manifest.findings.map(({ code, stream, detail }) => ({ code, stream, detail })),
    archive:
      record === null
        ? null
        : {
            endpoint: record.endpoint,
            bucket: record.bucket,
            lock: record.lock.probe,
            mode: record.lock.asked.mode,
            retain_until: record.lock.asked.retain_until,
          },
    timestamp: stamp == null ? null : { ...NO_STAMP, ...stamp },
  };
}

const NO_STAMP = { at: null, authority: null, policy: null, serial: null, why: null };

function burnOf({ burn }: LiveRun): RunResult['burn'] {
  if (burn === undefined) return null;
  return {
    ids: burn.ids,
    gone: burn.ids - burn.notGone.length,
    not_gone: [...burn.notGone],
    receipt: burn.receipt,
    receipt_archived: burn.receiptArchived,
  };
}

/** From the request to the first byte of output: when its action was sent, plus the guest's own count. Null without output. */
function firstOutput(live: LiveRun): number | null {
  for (const answer of live.answers) {
    if (answer.status !== 'ok' || answer.action !== 'run_script' || answer.result.first_output_ms === null) continue;
    const sentAt = live.sentAt.get(answer.id);
    if (sentAt !== undefined) return Math.round(sentAt - live.startedAt) + answer.result.first_output_ms;
  }
  return null;
}

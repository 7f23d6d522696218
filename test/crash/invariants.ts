import type { DumpedRun } from '../support/crash-plan.ts';
import type { LedgerLine } from '../support/fake-machine-plan.ts';
import { chainProblem, type Remnant } from '../support/scanner.ts';

/** What was found around one crash and its recovery. */
export interface Findings {
  /** Right after the crash. */
  readonly atCrash: { readonly remnants: readonly Remnant[]; readonly receipts: readonly string[] };
  /** When the recovery had ended. */
  readonly after: {
    readonly remnants: readonly Remnant[];
    readonly receipts: readonly string[];
    readonly unrevoked: readonly string[];
  };
  readonly runs: readonly DumpedRun[];
  readonly ledger: readonly LedgerLine[];
  /** By a real machine's own log: how often each run's script was started. */
  readonly scripts?: Readonly<Record<string, number>>;
  /** Unix milliseconds at which the recovery began: no effect may be later. */
  readonly recoveryAtMs: number;
  /** From the start of the recovering process until nothing was found any more. */
  readonly cleanMs: number;
  /** How much of that went by before it had the data directory open. */
  readonly openedMs?: number;
}

/** Everything of a dead process must be gone this long after the next one started. */
const GONE_WITHIN_MS = 30_000;

/** What of the promises is broken; one line each, empty when all hold. */
export function violations(found: Findings): readonly string[] {
  return [
    ...left(found),
    ...twice(found),
    ...receipts(found),
    ...chains(found),
    ...ends(found),
    ...named(found),
    ...inTime(found),
    ...unsaid(found),
  ];
}

function left({ after }: Findings): readonly string[] {
  return [
    ...after.remnants.map(({ kind, what }) => `left behind: ${kind} ${what}`),
    ...after.unrevoked.map((serial) => `not revoked: certificate ${serial}`),
  ];
}

function twice({ ledger, recoveryAtMs, scripts = {} }: Findings): readonly string[] {
  const effects = ledger.filter((line) => line.what === 'effect');
  const seen = new Set<string>();
  const started = Object.entries(scripts).filter(([, times]) => times > 1);
  const inGuest = started.map(([run, times]) => `done ${times} times: the script of run ${run}`);
  const inLedger = effects.flatMap(({ run_id, id, action, at_ms }) => {
    const key = `${run_id} ${id}`;
    const again = seen.has(key) ? [`done twice: action ${id} (${action})`] : [];
    seen.add(key);
    return at_ms > recoveryAtMs ? [...again, `done after the recovery began: action ${id} (${action})`] : again;
  });
  return [...inLedger, ...inGuest];
}

/** What a sandbox says it did, or was sent, and no answer of which is on record, the caller is told of as unknown; and of nothing else. */
function unsaid({ ledger, runs }: Findings): readonly string[] {
  return runs.flatMap(({ runId, actions, result }) => {
    if (result === undefined) return [];
    const ids = (state: string) => actions.filter((one) => one.state === state).map(({ requestId }) => requestId);
    const done = ledger.flatMap((line) => (line.what === 'effect' && line.run_id === runId ? [line.id] : []));
    const answered = new Set(ids('answered'));
    const unknown = new Set([...done, ...ids('sent')].filter((id) => !answered.has(id)));
    const told = new Set(result.unknown_actions.map(({ request_id }) => request_id));
    return [
      ...[...unknown]
        .filter((id) => !told.has(id))
        .map((id) => `done or sent, and not told as unknown: action ${id} of run ${runId}`),
      ...[...told]
        .filter((id) => !unknown.has(id))
        .map((id) => `told as unknown, and it is known: action ${id} of run ${runId}`),
    ];
  });
}

function receipts({ atCrash, after, runs }: Findings): readonly string[] {
  const early = atCrash.receipts.filter((run) => atCrash.remnants.some((one) => one.run === run));
  const destroyed = runs.filter(({ state }) => state === 'destroyed').map(({ runId }) => runId);
  return [
    ...early.map((run) => `receipt although something of it was there: run ${run}`),
    ...destroyed.filter((run) => !after.receipts.includes(run)).map((run) => `destroyed without a receipt: run ${run}`),
  ];
}

function chains({ runs }: Findings): readonly string[] {
  return runs.flatMap((run) => {
    const problem = chainProblem(run);
    return problem === undefined ? [] : [`chain of run ${run.runId}: ${problem}`];
  });
}

/** Every run ends, with an outcome; one that had something to destroy was destroyed, every id of it seen gone, and executed at most once. */
function ends({ runs }: Findings): readonly string[] {
  return runs.flatMap(({ runId, state, outcome, transitions, ids }) => {
    const count = (to: string): number => transitions.filter((one) => one.to === to).length;
    const wanted = count('provisioning') > 0 ? 'destroyed' : 'refused';
    return [
      ...(state === wanted ? [] : [`run ${runId} is ${state}, not ${wanted}`]),
      ...(wanted === 'destroyed' && outcome === undefined ? [`run ${runId} has no outcome`] : []),
      ...(count('executing') > 1 ? [`run ${runId} executed ${count('executing')} times`] : []),
      ...ids
        .filter(({ gone }) => gone === undefined && state === 'destroyed')
        .map(({ kind, id }) => `not seen gone: ${kind} ${id}`),
    ];
  });
}

/** Whatever was there at the crash was in the manifest of ids by then, or lies in a folder that was, or carries a label that was. */
function named({ atCrash, runs }: Findings): readonly string[] {
  return atCrash.remnants.flatMap(({ kind, what, run }) => {
    const ids = runs.find(({ runId }) => runId === run)?.ids ?? [];
    const has = (...kinds: string[]): boolean =>
      ids.some((id) => kinds.includes(id.kind) && (id.id === what || what.startsWith(`${id.id}/`)));
    const isNamed =
      kind === 'process'
        ? ids.some((id) => id.kind === 'process')
        : kind === 'stack'
          ? ids.some((id) => id.kind === 'stack')
          : kind === 'port'
            ? has('port')
            : has('file', 'disk', 'directory', 'socket');
    return isNamed ? [] : [`used before it was recorded: ${kind} ${what}`];
  });
}

/** Opening takes less than a second; where it takes more, the machine is too busy for that much, and everything else takes as much longer. */
const OPENINGS = 10;

function inTime({ cleanMs, openedMs = 0 }: Findings): readonly string[] {
  const limit = Math.max(GONE_WITHIN_MS, OPENINGS * openedMs);
  return cleanMs > limit ? [`gone after ${Math.round(cleanMs)} ms, not ${limit}`] : [];
}

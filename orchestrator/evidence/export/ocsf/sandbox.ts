import type { Report } from '../../../report/report.ts';
import { FINDINGS } from '../../format/findings.ts';
import type { Manifest } from '../../format/manifest.ts';
import type { ReceiptPredicate } from '../../format/receipt.ts';
import { ALLOWED, DENIED, type EventMaker, type OcsfEvent, SEVERITY, STATUS } from './event.ts';

const LAUNCH = 1;
const NETWORK = { open: 1, fail: 4 } as const;
const LIFECYCLE = { remove: 2, start: 3, stop: 4 } as const;
const CREATE = 1;

/** The programs that the script's processes became. */
export function processEvents(make: EventMaker, { processes }: Report): readonly OcsfEvent[] {
  const pidOf = new Map(processes.map(({ id, pid }) => [id, pid]));
  return processes.flatMap(({ parent, pid, ppid, uid, programs }) =>
    programs.map(({ at_ms: time, exe, argv, cwd, disguised }) => {
      const parentPid = parent === null ? ppid : (pidOf.get(parent) ?? ppid);
      const started = { pid, name: baseName(exe), path: exe, cmd_line: argv.join(' '), working_directory: cwd };
      return make.make('process_activity', {
        activity: LAUNCH,
        time,
        fields: {
          actor: { process: { pid: parentPid }, user: { uid: String(uid) } },
          process: { ...started, user: { uid: String(uid) }, parent_process: { pid: parentPid } },
          status_id: STATUS.success,
          ...ALLOWED,
        },
        unmapped: { argv, disguised },
      });
    }),
  );
}

/** The connections it tried: those that the kernel did not let out are denied. */
export function networkEvents(make: EventMaker, { connections, processes }: Report): readonly OcsfEvent[] {
  const by = new Map(processes.map((one) => [one.id, one]));
  return connections.map(({ process, address, port, family, result, possible, undecided, times, scope }) => {
    const isDenied = !possible && !undecided && scope === 'outside';
    const of = by.get(process);
    const where = family === 'ipv4' || family === 'ipv6' ? { ip: address } : { name: address };
    return make.make('network_activity', {
      activity: isDenied ? NETWORK.fail : NETWORK.open,
      time: of?.programs.at(-1)?.at_ms ?? of?.started_ms ?? 0,
      severity: isDenied ? SEVERITY.medium : SEVERITY.low,
      fields: {
        dst_endpoint: { ...where, ...(port !== null && { port }) },
        actor: { process: { pid: of?.pid ?? 0 } },
        status_id: result === 'ok' ? STATUS.success : STATUS.failure,
        status_detail: result,
        ...(isDenied ? DENIED : ALLOWED),
      },
      unmapped: { family, scope, times },
    });
  });
}

/** The sandbox's own life: sealed evidence is its end as a workplace, the receipt its end altogether. */
export function lifecycleEvents(
  make: EventMaker,
  { run, sealed_at: sealedAt }: Manifest,
  startedMs: number | undefined,
  receipt: ReceiptPredicate | undefined,
): readonly OcsfEvent[] {
  const app = { name: `sandbox-${run.run_id}`, uid: run.run_id, version: run.image_digest ?? 'none' };
  const event = (activity: number, time: number, unmapped: OcsfEvent = {}) =>
    make.make('application_lifecycle', {
      activity,
      time,
      fields: { app, status_id: STATUS.success, ...ALLOWED },
      unmapped,
    });
  return [
    ...(startedMs === undefined
      ? []
      : [event(LIFECYCLE.start, startedMs, { isolation: run.isolation, stack: run.stack })]),
    event(LIFECYCLE.stop, Date.parse(sealedAt), { outcome: run.outcome }),
    ...(receipt === undefined
      ? []
      : [event(LIFECYCLE.remove, Date.parse(receipt.signed_at), { ids_proven_gone: receipt.ids.length })]),
  ];
}

/** What speaks against the evidence being whole, and what the kernel refused the script. */
export function findingEvents(make: EventMaker, manifest: Manifest, report: Report | undefined): readonly OcsfEvent[] {
  const time = Date.parse(manifest.sealed_at);
  const doubts = manifest.findings.map(({ code, stream, detail }, at) =>
    finding(make, time, {
      uid: `${manifest.run.run_id}-completeness-${at + 1}`,
      title: `evidence: ${FINDINGS[code].why}`,
      desc: `${stream}: ${detail}`,
      severity: FINDINGS[code].verdict === 'gaps' ? SEVERITY.high : SEVERITY.medium,
      decision: ALLOWED,
    }),
  );
  const refused = (report?.refused ?? []).map(({ path, call, error, times }, at) =>
    finding(make, time, {
      uid: `${manifest.run.run_id}-refused-${at + 1}`,
      title: `the sandbox refused ${call} of ${path}`,
      desc: `${error}, ${times} times`,
      severity: SEVERITY.medium,
      decision: DENIED,
    }),
  );
  return [...doubts, ...refused];
}

interface FindingParts {
  readonly uid: string;
  readonly title: string;
  readonly desc: string;
  readonly severity: number;
  readonly decision: OcsfEvent;
}

function finding(make: EventMaker, time: number, { severity, decision, ...info }: FindingParts): OcsfEvent {
  return make.make('detection_finding', {
    activity: CREATE,
    time,
    severity,
    fields: { finding_info: info, status_id: CREATE, ...decision },
  });
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

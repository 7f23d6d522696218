import { createHash } from 'node:crypto';
import type { Manifest } from '../../format/manifest.ts';

/** The release of the schema that events follow: https://schema.ocsf.io/1.8.0 */
export const OCSF_VERSION = '1.8.0';

/** The classes we emit, with their category. */
export const CLASSES = {
  process_activity: { uid: 1007, category: 1 },
  detection_finding: { uid: 2004, category: 2 },
  network_activity: { uid: 4001, category: 4 },
  ssh_activity: { uid: 4007, category: 4 },
  application_lifecycle: { uid: 6002, category: 6 },
  api_activity: { uid: 6003, category: 6 },
} as const;
export type ClassName = keyof typeof CLASSES;

export const SEVERITY = { informational: 1, low: 2, medium: 3, high: 4 } as const;
export const STATUS = { success: 1, failure: 2 } as const;

/** What the sandbox's controls did about it (profile security_control). */
export const ALLOWED = { action_id: 1, disposition_id: 1 } as const;
export const DENIED = { action_id: 2, disposition_id: 2 } as const;

export type OcsfEvent = Readonly<Record<string, unknown>>;

/** What makes one event; the rest follows from the class and the run. */
export interface EventParts {
  readonly activity: number;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly severity?: number;
  /** Fields of the class, and of what its profiles add. */
  readonly fields: OcsfEvent;
  /** What the schema has no place for. */
  readonly unmapped?: OcsfEvent;
}

/** Makes the events of one run: numbered, each with a uid that is the same in every export of the same evidence. */
export class EventMaker {
  readonly #manifest: Manifest;
  readonly #evidenceRoot: string;
  #sequence = 0;

  constructor(manifest: Manifest, evidenceRoot: string) {
    this.#manifest = manifest;
    this.#evidenceRoot = evidenceRoot;
  }

  make(
    name: ClassName,
    { activity, time, severity = SEVERITY.informational, fields, unmapped = {} }: EventParts,
  ): OcsfEvent {
    const { uid, category } = CLASSES[name];
    this.#sequence += 1;
    const { run } = this.#manifest;
    return {
      class_uid: uid,
      category_uid: category,
      activity_id: activity,
      type_uid: uid * 100 + activity,
      time,
      severity_id: severity,
      metadata: {
        version: OCSF_VERSION,
        product: { name: 'Burnbag', vendor_name: 'Burnbag' },
        profiles: ['host', 'security_control'],
        correlation_uid: run.run_id,
        sequence: this.#sequence,
        uid: createHash('sha256').update(`${this.#evidenceRoot} ${this.#sequence}`).digest('hex').slice(0, 32),
      },
      device: this.sandbox(),
      ...fields,
      unmapped: { run_id: run.run_id, task_id: run.task_id, evidence_root: this.#evidenceRoot, ...unmapped },
    };
  }

  /** The sandbox as a device: a VM, named by its machine id or, where there was none, by its run. */
  sandbox(): OcsfEvent {
    const { machine_id: machineId, run_id: runId } = this.#manifest.run;
    return { type_id: 6, uid: machineId ?? `run-${runId}`, name: `sandbox-${runId}` };
  }

  /** Who asked, and by what. */
  actor(): OcsfEvent {
    return { app_name: 'burnbag', user: { name: this.#manifest.run.requester } };
  }

  relay(): OcsfEvent {
    return { name: 'relay' };
  }
}

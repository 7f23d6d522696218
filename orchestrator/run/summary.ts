import * as z from 'zod';
import { Answer } from '../../executor/protocol/index.ts';
import { Report } from '../report/index.ts';
import { OUTCOMES, RUN_STATES } from './lifecycle.ts';
import { PHASES } from './progress.ts';

const Explained = z.strictObject({ code: z.string(), expected: z.string(), got: z.string(), hint: z.string() });

/** What a sealed bundle is worth and where it lies. */
export const EvidenceSummary = z.strictObject({
  folder: z.string(),
  files: z.int(),
  bytes: z.int(),
  evidence_root: z.string(),
  verdict: z.enum(['complete', 'gaps', 'unknown']),
  findings: z.array(z.strictObject({ code: z.string(), stream: z.string(), detail: z.string() })),
  archive: z
    .strictObject({
      endpoint: z.string(),
      bucket: z.string(),
      lock: z.enum(['strict', 'rehearsal', 'weak', 'none']),
      mode: z.enum(['COMPLIANCE', 'GOVERNANCE']),
      retain_until: z.string(),
    })
    .nullable(),
  /** What a timestamp authority said of the time (RFC 3161); all but `why` null where none came, null where none was asked for. */
  timestamp: z
    .strictObject({
      at: z.string().nullable(),
      authority: z.string().nullable(),
      policy: z.string().nullable(),
      serial: z.string().nullable(),
      why: z.string().nullable(),
    })
    .nullable()
    .default(null),
});
export type EvidenceSummary = z.infer<typeof EvidenceSummary>;

/** What became of every concrete id of the run. */
export const BurnSummary = z.strictObject({
  ids: z.int(),
  gone: z.int(),
  not_gone: z.array(z.strictObject({ kind: z.string(), id: z.string(), why: z.string() })),
  receipt: z.string().nullable(),
  receipt_archived: z.boolean(),
});
export type BurnSummary = z.infer<typeof BurnSummary>;

/** The part of a run's summary that its conductor knows and the journal stores as the run's `result`. */
export const RunResult = z.strictObject({
  phases: z.array(z.strictObject({ phase: z.enum(PHASES), duration_ms: z.int() })),
  answers: z.array(Answer),
  /** Sent and never answered: whether they happened is unknown, and they are never sent again. */
  unknown_actions: z.array(z.strictObject({ request_id: z.int(), action: z.string() })).default([]),
  failures: z.array(Explained),
  report: Report.nullable(),
  evidence: EvidenceSummary.nullable(),
  burn: BurnSummary.nullable(),
  /** From the request to the first byte the script wrote, where there was a script and it wrote. */
  first_output_ms: z.int().nullable(),
});
export type RunResult = z.infer<typeof RunResult>;

/** What `--json` prints of one run. */
export const RunSummary = z.strictObject({
  schema: z.literal('burnbag.run/1'),
  run_id: z.string(),
  task_id: z.string(),
  requester: z.string(),
  profile: z.string(),
  label: z.string(),
  state: z.enum(RUN_STATES),
  outcome: z.enum(OUTCOMES).nullable(),
  why: z.string().nullable(),
  created_at: z.string(),
  ended_at: z.string().nullable(),
  isolation: z.string().nullable(),
  engine: z.string().nullable(),
  result: RunResult.nullable(),
});
export type RunSummary = z.infer<typeof RunSummary>;

import * as z from 'zod';

/** The four things a user waits for. */
export const PHASES = ['provisioned', 'executed', 'sealed', 'burned'] as const;
export type Phase = (typeof PHASES)[number];

/** What a conducted run tells whoever watches it, in this process or another. Untrusted text inside is for the door to escape. */
export const RunEvent = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('admitted'),
    runId: z.string(),
    label: z.string(),
    sha256: z.string().exactOptional(),
  }),
  z.strictObject({ type: z.literal('phase_started'), runId: z.string(), phase: z.enum(PHASES) }),
  z.strictObject({ type: z.literal('phase_progress'), runId: z.string(), phase: z.enum(PHASES), what: z.string() }),
  z.strictObject({
    type: z.literal('phase_ended'),
    runId: z.string(),
    phase: z.enum(PHASES),
    ok: z.boolean(),
    durationMs: z.number(),
    summary: z.string(),
  }),
  z.strictObject({ type: z.literal('notice'), runId: z.string(), text: z.string() }),
]);
export type RunEvent = Readonly<z.infer<typeof RunEvent>>;

export type ObserveRun = (event: RunEvent) => void;

export interface PhaseTiming {
  readonly phase: Phase;
  readonly duration_ms: number;
}

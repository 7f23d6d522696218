/** The four things a user waits for. */
export const PHASES = ['provisioned', 'executed', 'sealed', 'burned'] as const;
export type Phase = (typeof PHASES)[number];

/** What a conducted run tells whoever watches it. Untrusted text inside is for the door to escape. */
export type RunEvent =
  | { readonly type: 'admitted'; readonly runId: string; readonly label: string; readonly sha256?: string }
  | { readonly type: 'phase_started'; readonly runId: string; readonly phase: Phase }
  | { readonly type: 'phase_progress'; readonly runId: string; readonly phase: Phase; readonly what: string }
  | {
      readonly type: 'phase_ended';
      readonly runId: string;
      readonly phase: Phase;
      readonly ok: boolean;
      readonly durationMs: number;
      readonly summary: string;
    }
  | { readonly type: 'notice'; readonly runId: string; readonly text: string };

export type ObserveRun = (event: RunEvent) => void;

export interface PhaseTiming {
  readonly phase: Phase;
  readonly duration_ms: number;
}

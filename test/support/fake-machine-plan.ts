/** What a fake machine is told beside QEMU's own arguments. */
export interface FakeMachinePlan {
  /** The file that each effect is appended to. */
  readonly ledger: string;
  readonly misbehave?: {
    readonly at: 'before_ready' | 'ready' | 'before_effect' | 'effect' | 'never';
    readonly how: 'kill_owner' | 'die' | 'panic' | 'hang' | 'hang_for_ever' | 'drop_reply';
  };
}

/** One line of the ledger: something that happened in a sandbox, told by the sandbox. */
export type LedgerLine = { readonly run_id: string; readonly at_ms: number } & (
  | { readonly what: 'login'; readonly serial: string }
  | { readonly what: 'effect'; readonly action: string; readonly id: number }
);

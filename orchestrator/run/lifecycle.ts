/**
 * The life of a run.
 *
 *   requested → [awaiting_approval] → admitted → provisioning → ready → executing → collecting → sealed → destroying → destroyed
 *       ╰────────────┴──────────┴──▶ refused        ╰───────────┴────────────┴──────────┴─────────▲         ╰──▶ quarantined
 *
 * requested          someone asked; nothing has been spent.
 * awaiting_approval  policy wants a person to say yes.
 * admitted           policy said yes, and the decision is on record.
 * provisioning       a driver is booting the VM. From here on there is something to destroy.
 * ready              the guest said READY and its host key is pinned.
 * executing          actions are crossing the relay.
 * collecting         no more actions; evidence is being copied out. A failed or interrupted execution comes here too.
 * sealed             the manifest is signed and the archive is locked.
 * destroying         the driver is deleting; nobody may use the VM again.
 * destroyed          every id was observed gone, and the receipt is signed. Terminal.
 * quarantined        absence is not proven: loud, and retried until it is. The one way on is back to `destroying`.
 * refused            refused before anything existed. Terminal.
 *
 * The state says where a run is; `outcome` says how it went. They are never mixed.
 *
 * Promises, each a property in lifecycle.test.ts:
 *   1. a run that reached `provisioning` passes through `destroying` before it ends;
 *   2. `destroyed` is entered only from `destroying`;
 *   3. from every state some terminal state can be reached;
 *   4. no path enters `executing` twice: a crash never runs an action again.
 */
export const LIFECYCLE = {
  requested: ['awaiting_approval', 'admitted', 'refused'],
  awaiting_approval: ['admitted', 'refused'],
  admitted: ['provisioning', 'refused'],
  provisioning: ['ready', 'collecting', 'destroying'],
  ready: ['executing', 'collecting', 'destroying'],
  executing: ['collecting'],
  collecting: ['sealed', 'destroying'],
  sealed: ['destroying'],
  destroying: ['destroyed', 'quarantined'],
  quarantined: ['destroying'],
  destroyed: [],
  refused: [],
} as const;

export type RunState = keyof typeof LIFECYCLE;
export type Next<S extends RunState> = (typeof LIFECYCLE)[S][number];
export type ActiveState = { [S in RunState]: Next<S> extends never ? never : S }[RunState];
export type TerminalState = Exclude<RunState, ActiveState>;

/** Every state, in the order of the picture. */
export const RUN_STATES = Object.keys(LIFECYCLE) as [RunState, ...RunState[]];

/** How a run went; undefined until it is known. */
export const OUTCOMES = ['succeeded', 'failed', 'timed_out', 'cancelled', 'interrupted'] as const;
export type Outcome = (typeof OUTCOMES)[number];

export function isTerminal(state: RunState): state is TerminalState {
  return LIFECYCLE[state].length === 0;
}

export function canMove(from: RunState, to: RunState): boolean {
  const allowed: readonly RunState[] = LIFECYCLE[from];
  return allowed.includes(to);
}

export function isRunState(text: string): text is RunState {
  return Object.hasOwn(LIFECYCLE, text);
}

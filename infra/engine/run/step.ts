import type { Diff } from '../values/difference.ts';
import type { Goal } from './goal.ts';
import type { OperationType, State } from '../state/schema.ts';

export type Op =
  | 'same'
  | 'create'
  | 'update'
  | 'create-replacement'
  | 'replace'
  | 'delete'
  | 'delete-replaced'
  | 'remove-pending-replace'
  | 'read'
  | 'discard'
  | 'discard-replaced'
  | 'refresh';

/** One change of one resource. Steps of one registration run one after the other. */
export interface Step {
  readonly op: Op;
  readonly urn: string;
  readonly type: string;
  readonly old: State | undefined;
  /** What is wanted, without what only the provider can say (id, outputs). */
  readonly next: State | undefined;
  readonly diff: Diff | undefined;
  /** Deletes before a replacement keep their entry, marked; replacements created first leave the old one marked for deletion. */
  readonly marks: boolean;
}

/** What a finished registration left behind. */
export interface Registered {
  readonly goal: Goal;
  readonly state: State;
  readonly step: Step;
}

/** What each kind of step records before its provider call, and whether people count it. */
export const STEP_KINDS: Readonly<
  Record<Op, { readonly pending: OperationType | undefined; readonly logical: boolean }>
> = {
  same: { pending: undefined, logical: true },
  create: { pending: 'creating', logical: true },
  update: { pending: 'updating', logical: true },
  'create-replacement': { pending: 'creating', logical: false },
  replace: { pending: undefined, logical: true },
  delete: { pending: 'deleting', logical: true },
  'delete-replaced': { pending: 'deleting', logical: false },
  'remove-pending-replace': { pending: undefined, logical: false },
  read: { pending: 'reading', logical: true },
  discard: { pending: 'deleting', logical: true },
  'discard-replaced': { pending: 'deleting', logical: false },
  refresh: { pending: undefined, logical: true },
};

/** Makes a step; what is not given is undefined. */
export function step(
  op: Op,
  states: { readonly old?: State | undefined; readonly next?: State | undefined },
  extra: { readonly diff?: Diff; readonly marks?: boolean } = {},
): Step {
  const state = states.next ?? states.old;
  if (state === undefined) throw new TypeError(`a ${op} step needs a state`);
  return {
    op,
    urn: state.urn,
    type: state.type,
    old: states.old,
    next: states.next,
    diff: extra.diff,
    marks: extra.marks ?? false,
  };
}

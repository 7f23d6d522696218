import type * as z from 'zod';
import { byAction, type EachAction } from './by-action.ts';
import { CONTRACTS } from './contracts.ts';
import type { Measure } from './measure.ts';
import { RequestId } from './shapes.ts';
import { TaskId } from './text.ts';

export type ActionName = keyof typeof CONTRACTS;
export type ActionArgs<Name extends ActionName = ActionName> = z.infer<(typeof CONTRACTS)[Name]['args']>;
export const ACTION_NAMES = Object.keys(CONTRACTS) as ActionName[];

/** One request from the relay: one line of JSON. */
export type ActionRequest = EachAction<{
  [Name in ActionName]: { id: number; task_id: string; action: Name; args: ActionArgs<Name> };
}>;
export const ActionRequest = byAction<ActionRequest>((name) => ({
  id: RequestId,
  task_id: TaskId,
  args: CONTRACTS[name].args,
}));

/** What a request wants, in the dimensions that are limited. */
export function measureOf({ action, args }: Pick<ActionRequest, 'action' | 'args'>): Measure {
  return (CONTRACTS[action].measure as (given: typeof args) => Measure)(args);
}

/** What a request is about, for the record. */
export function targetsOf({ action, args }: Pick<ActionRequest, 'action' | 'args'>): string[] {
  return [...(CONTRACTS[action].targets as (given: typeof args) => readonly string[])(args)];
}

import type { ActionArgs, ActionName } from '../protocol/action.ts';
import type { ActionResult } from '../protocol/answer.ts';
import type { Guest } from './guest.ts';

/** What an action has to work with. */
export interface Context {
  readonly guest: Guest;
  /** Unix seconds at which whatever runs must have ended. */
  readonly endsAt: number;
  /** Set when the session ends; only actions that wait need to look. */
  readonly signal: AbortSignal;
}

/**
 * What each file of actions/ exports as `run`; it is named after its action. Arguments are parsed, granted and in the catalogue by
 * the time it is asked. Throws ActionFailure or a system error.
 */
export type Run<Name extends ActionName> = (
  args: ActionArgs<Name>,
  context: Context,
) => ActionResult<Name> | Promise<ActionResult<Name>>;

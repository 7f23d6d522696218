import * as z from 'zod';
import type { ActionName } from './action.ts';
import { byAction, type EachAction } from './by-action.ts';
import { CONTRACTS } from './contracts.ts';
import { Failure, Refusal } from './error.ts';
import { Count, RequestId } from './shapes.ts';

export type ActionResult<Name extends ActionName = ActionName> = z.infer<(typeof CONTRACTS)[Name]['result']>;

/** An action that was carried out; how a script itself ended is in its result. */
export type OkAnswer = EachAction<{
  [Name in ActionName]: { id: number; status: 'ok'; duration_ms: number; action: Name; result: ActionResult<Name> };
}>;
export const OkAnswer = byAction<OkAnswer>((name) => ({
  id: RequestId,
  status: z.literal('ok'),
  duration_ms: Count,
  result: CONTRACTS[name].result,
}));

/** Nothing ran. `id` is null when no request could be read, or when the session as a whole is refused. */
export const RefusedAnswer = z.strictObject({ id: RequestId.nullable(), status: z.literal('refused'), error: Refusal });
export type RefusedAnswer = z.infer<typeof RefusedAnswer>;

/** The action was granted and did not come to its end. */
export const FailedAnswer = z.strictObject({ id: RequestId, status: z.literal('failed'), error: Failure });
export type FailedAnswer = z.infer<typeof FailedAnswer>;

/** What the executor says to one request: one line of JSON. */
export const Answer = z.discriminatedUnion('status', [OkAnswer, RefusedAnswer, FailedAnswer]);
export type Answer = z.infer<typeof Answer>;

import * as z from 'zod';
import { type OperationName, OPERATIONS } from '../../operations/index.ts';
import { RunEvent } from '../../run/progress.ts';

/*
 * What two processes of one user say to each other about a data directory that one of them has: JSON lines over a unix socket in it.
 *
 *   who asks                              the owner
 *   {operation, args, requester}  ──▶
 *                                 ◀──     {accepted}      at once: one that is asleep does not say it
 *                                 ◀──     {event} …       what a run tells while it is conducted
 *   {stop}                        ──▶                     Ctrl-C; so does closing the connection
 *                                 ◀──     {ok} or {error}
 *                                 ◀──     {leaving}       instead, to a run: this owner ends with what it conducts now, and takes no more
 */

export const CONTROL_SOCKET = 'control.sock';

const NAMES = Object.keys(OPERATIONS) as [OperationName, ...OperationName[]];
export const Request = z.strictObject({ operation: z.enum(NAMES), args: z.unknown(), requester: z.string().max(256) });
export type Request = z.infer<typeof Request>;

/** The one thing to be said after a request. */
export const STOP = '{"stop":true}';

export const Reply = z.union([
  z.strictObject({ accepted: z.literal(true) }),
  z.strictObject({ leaving: z.literal(true) }),
  z.strictObject({ event: RunEvent }),
  z.strictObject({ ok: z.unknown() }),
  z.strictObject({
    error: z.strictObject({ code: z.string(), expected: z.string(), got: z.string(), hint: z.string() }),
  }),
]);
export type Reply = z.infer<typeof Reply>;

import { createHash } from 'node:crypto';
import type { ActionName, ActionRequest } from '../../protocol/action.ts';
import type { Refusal } from '../../protocol/error.ts';
import type { Grant } from '../../protocol/grant.ts';
import type { Context } from '../action.ts';
import type { AuditLog } from '../audit/log.ts';
import { AuditUnavailable, Unrecorded } from '../audit/sink.ts';
import type { Catalogue } from '../catalogue.ts';
import { checkCatalogue } from './check-catalogue.ts';
import { checkGrant } from './check-grant.ts';
import { AUDIT_UNAVAILABLE } from './farewell.ts';
import type { Line } from './lines.ts';
import { encodeAnswer } from './outbox.ts';
import { perform } from './perform.ts';
import { parseRequest } from './request.ts';

/** One session's own: what was granted, where it is recorded, and how far it has come. */
export interface Serving {
  readonly grant: Grant;
  readonly catalogue: Catalogue;
  readonly log: AuditLog;
  readonly context: Context;
  /** The last id that was taken; ids only rise. */
  lastId: number;
  /** Answers that were sent. */
  answered: number;
}

/**
 * Answers one line: parse, then every check, then the action; the answer's line, after its records are written.
 * Throws AuditUnavailable, as Unrecorded when there was an action.
 */
export async function serveLine(line: Line, serving: Serving): Promise<Buffer> {
  if (!line.complete) {
    const got = 'the end of the input';
    const hint = 'half a request is none';
    return refuse(line, null, undefined, { code: 'LINE_MALFORMED', expected: 'a line that ends', got, hint }, serving);
  }
  const parsed = parseRequest(line.bytes);
  if (!parsed.ok) return refuse(line, parsed.id, parsed.action, parsed.refusal, serving);
  const { request } = parsed;
  const refusal = check(request, serving);
  if (refusal !== undefined) return refuse(line, request.id, request.action, refusal, serving);
  const { run_id, task_id } = serving.grant;
  try {
    return await perform(request, line.bytes, { run_id, task_id }, serving);
  } catch (error) {
    if (!(error instanceof AuditUnavailable)) throw error;
    throw new Unrecorded(encodeAnswer({ id: request.id, status: 'failed', error: AUDIT_UNAVAILABLE }), error);
  }
}

/** Every check there is, in this order; the first that fails decides. */
function check(request: ActionRequest, serving: Serving): Refusal | undefined {
  if (request.id <= serving.lastId) {
    const hint = 'an id is used once, so no action is ever carried out twice';
    return { code: 'ID_NOT_INCREASING', expected: `an id over ${serving.lastId}`, got: String(request.id), hint };
  }
  serving.lastId = request.id;
  const { grant, catalogue, context } = serving;
  return checkGrant(grant, request, Math.floor(context.guest.now() / 1000)) ?? checkCatalogue(catalogue, request);
}

async function refuse(
  line: Line,
  id: number | null,
  action: ActionName | undefined,
  error: Refusal,
  { log, grant: { run_id, task_id } }: Serving,
): Promise<Buffer> {
  const line_sha256 = createHash('sha256').update(line.bytes).digest('hex');
  const known = action === undefined ? {} : { action };
  await log.append({ event: 'refused', run_id, task_id, request_id: id, ...known, code: error.code, line_sha256 });
  return encodeAnswer({ id, status: 'refused', error });
}

import { ACTION_NAMES, ActionRequest, type ActionName } from '../../protocol/action.ts';
import type { Refusal, RefusalCode } from '../../protocol/error.ts';
import { parseStrictJson } from './strict-json.ts';

/** A request that may be checked, or why the line is none. `id` and `action` are told as far as they could be read. */
export type ParsedRequest =
  | { ok: true; request: ActionRequest }
  | { ok: false; id: number | null; action: ActionName | undefined; refusal: Refusal };

/** Parses one line: strict UTF-8, strict JSON, strict schema. What the line says is never repeated in a refusal. */
export function parseRequest(line: Buffer): ParsedRequest {
  const text = decode(line);
  if (text === undefined) return refuse(undefined, 'LINE_MALFORMED', 'a line in UTF-8', 'other bytes');
  const json = parseStrictJson(text);
  if (!json.ok) return refuse(undefined, 'LINE_MALFORMED', json.expected, json.got);
  if (typeof memberOf(json.value, 'action') === 'string' && actionOf(json.value) === undefined) {
    return refuse(json.value, 'UNKNOWN_ACTION', `one of ${ACTION_NAMES.join(', ')}`, 'another action');
  }
  const request = ActionRequest.safeParse(json.value);
  if (request.success) return { ok: true, request: request.data };
  const issue = request.error.issues[0];
  const place = issue?.path.join('.') ?? '';
  return refuse(
    json.value,
    'REQUEST_INVALID',
    'a request as the schema has it',
    `${place === '' ? '' : `${place}: `}${explain(issue)}`,
  );
}

/** Zod's message names unknown members, so it is cut: they are the caller's text. */
function explain(issue: { code: string; message: string } | undefined): string {
  if (issue === undefined) return 'another one';
  return issue.code === 'unrecognized_keys' ? 'unknown member' : issue.message;
}

function decode(line: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(line);
  } catch {
    return undefined;
  }
}

function refuse(value: unknown, code: RefusalCode, expected: string, got: string): ParsedRequest {
  const id = memberOf(value, 'id');
  const refusal = { code, expected, got, hint: HINT };
  return {
    ok: false,
    id: typeof id === 'number' && Number.isSafeInteger(id) && id >= 1 ? id : null,
    action: actionOf(value),
    refusal,
  };
}

function actionOf(value: unknown): ActionName | undefined {
  const action = memberOf(value, 'action');
  return ACTION_NAMES.find((name) => name === action);
}

function memberOf(value: unknown, name: 'id' | 'action'): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : undefined;
}

const HINT = 'one JSON object a line: {"id","task_id","action","args"}, as executor/protocol has it';

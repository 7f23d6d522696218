import { createHash, randomBytes } from 'node:crypto';
import { ActionRequest, FILE_MAX_BYTES } from '../../executor/protocol/index.ts';
import { RequestError } from '../errors.ts';
import type { NewRun } from './journal/index.ts';

/** An action as a caller asks for it: the wire's request without the numbers the relay adds. */
export type RequestedAction = ActionRequest extends infer A
  ? A extends unknown
    ? Omit<A, 'id' | 'task_id'>
    : never
  : never;

/** What a caller wants done, parsed once at the door; inside it is true. */
export interface RunRequest {
  readonly taskId: string;
  readonly requester: string;
  readonly profile: string;
  /** What people call it, e.g. the script's file name. */
  readonly label: string;
  readonly actions: readonly RequestedAction[];
  /** Seconds the grant lives; the profile's default when absent. */
  readonly ttlSeconds?: number;
}

/** More actions than this in one request is a batch job, not a task. */
const MAX_ACTIONS = 1_000;

/** A request to detonate one script: bring it in, run it, look at what it left and at the guest's health. */
export function detonationRequest(script: DetonationScript): RunRequest {
  checkScript(script);
  const sha256 = createHash('sha256').update(script.content).digest('hex');
  return {
    taskId: script.taskId ?? `detonate-${randomBytes(4).toString('hex')}`,
    requester: script.requester,
    profile: script.profile,
    label: script.label,
    ...(script.ttlSeconds === undefined ? {} : { ttlSeconds: script.ttlSeconds }),
    actions: [
      {
        action: 'put_file',
        args: { path: `/work/in/${sha256}`, content_base64: script.content.toString('base64'), sha256 },
      },
      { action: 'run_script', args: { sha256, args: [...script.args], timeout_seconds: script.timeoutSeconds } },
      { action: 'list_files', args: { path: '/work/job', max_entries: 1_000 } },
      { action: 'check_health', args: {} },
    ],
  };
}

export interface DetonationScript {
  readonly content: Buffer;
  readonly label: string;
  readonly args: readonly string[];
  readonly timeoutSeconds: number;
  readonly requester: string;
  readonly profile: string;
  readonly taskId?: string;
  readonly ttlSeconds?: number;
}

/** A request as the journal keeps it: everything but the content of files, which is evidence by digest only. */
export function newRun(runId: string, request: RunRequest): NewRun {
  const { taskId, requester, profile } = request;
  const actions = request.actions.map((one) =>
    one.action === 'put_file' ? { action: one.action, args: { path: one.args.path, sha256: one.args.sha256 } } : one,
  );
  return { runId, taskId, requester, profile, request: { ...request, actions } };
}

/** The digest of the request's first script, for people. */
export function scriptDigest(request: RunRequest): { readonly sha256?: string } {
  const script = request.actions.find((one) => one.action === 'run_script');
  return script?.action === 'run_script' ? { sha256: script.args.sha256 } : {};
}

/** Parses an actions file: a JSON array, or one JSON object a line; each `{ "action": …, "args": … }`. */
export function parseActions(text: string): readonly RequestedAction[] {
  const values = text.trimStart().startsWith('[') ? parseArray(text) : parseLines(text);
  if (values.length === 0 || values.length > MAX_ACTIONS) {
    throw badActions(`1 to ${MAX_ACTIONS} actions`, `${values.length}`);
  }
  return values.map((value, index) => parseAction(value, index + 1));
}

function parseAction(value: unknown, position: number): RequestedAction {
  if (typeof value !== 'object' || value === null)
    throw badActions(`action ${position} to be an object`, JSON.stringify(value));
  const parsed = ActionRequest.safeParse({ ...value, id: position, task_id: 'task' });
  if (parsed.success && !('id' in value) && !('task_id' in value)) {
    return { action: parsed.data.action, args: parsed.data.args } as RequestedAction;
  }
  const issue = parsed.error?.issues[0];
  const where =
    issue === undefined
      ? 'id and task_id are the relay’s to give'
      : `${issue.path.join('.') || 'it'}: ${issue.message}`;
  throw badActions(`action ${position} to be { "action": NAME, "args": … } as in docs/actions.md`, where);
}

function parseArray(text: string): unknown[] {
  const value = parseJson(text, 'the actions file');
  return Array.isArray(value) ? value : [value];
}

function parseLines(text: string): unknown[] {
  return text
    .split('\n')
    .map((line, index) => ({ line, number: index + 1 }))
    .filter(({ line }) => line.trim() !== '')
    .map(({ line, number }) => parseJson(line, `line ${number} of the actions file`));
}

function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw badActions(`${what} to be JSON`, (cause as Error).message);
  }
}

function badActions(expected: string, got: string): RequestError {
  return new RequestError('bad_actions', {
    expected,
    got,
    hint: 'see docs/actions.md for every action and its arguments',
  });
}

function checkScript(script: DetonationScript): void {
  if (script.content.length > FILE_MAX_BYTES) {
    throw new RequestError('script_too_large', {
      expected: `a script of at most ${FILE_MAX_BYTES} bytes`,
      got: `${script.content.length} bytes in ${script.label}`,
      hint: 'split it, or let it unpack what it needs',
    });
  }
  const isElf = script.content.subarray(0, 4).equals(Buffer.from('\x7fELF', 'latin1'));
  if (!isElf && script.content.subarray(0, 2).toString('latin1') !== '#!') {
    throw new RequestError('script_without_interpreter', {
      expected: 'a script whose first line names its interpreter (#!/bin/sh), or an ELF program',
      got: `${script.label}, which starts with ${JSON.stringify(script.content.subarray(0, 12).toString('latin1'))}`,
      hint: 'add a #! line: the sandbox executes the file itself, never through a shell',
    });
  }
}

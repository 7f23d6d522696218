import { createHash } from 'node:crypto';
import { targetsOf, type ActionName, type ActionRequest } from '../../protocol/action.ts';
import type { ActionResult, Answer, FailedAnswer, OkAnswer } from '../../protocol/answer.ts';
import type { Context } from '../action.ts';
import { argvOf } from '../argv.ts';
import type { AuditEvent, AuditLog } from '../audit/log.ts';
import type { Catalogue } from '../catalogue.ts';
import { failureOf } from '../failure.ts';
import { loadAction } from '../load-action.ts';
import { encodeAnswer } from './outbox.ts';

/** What the records of one action have in common. */
export interface Task {
  readonly run_id: string;
  readonly task_id: string;
}

/** What an action is carried out with. */
export interface Performing {
  readonly log: AuditLog;
  readonly context: Context;
  readonly catalogue: Catalogue;
}

/**
 * Carries out one granted request: a record, the action, a record, and only then the answer's line. An action that fails is an answer too.
 * Throws AuditUnavailable, before the action or in place of its answer.
 */
export async function perform(
  request: ActionRequest,
  line: Buffer,
  task: Task,
  { log, context, catalogue }: Performing,
): Promise<Buffer> {
  const about = describe(request, task, catalogue);
  await log.append({ ...about, event: 'action_started', line_sha256: sha256(line) });
  const started = performance.now();
  const answer = await carryOut(request, context, started);
  const answerLine = encodeAnswer(answer);
  await log.append({
    ...about,
    event: 'action_ended',
    ...ending(answer),
    duration_ms: elapsedSince(started),
    answer_sha256: sha256(answerLine),
  });
  return answerLine;
}

async function carryOut(request: ActionRequest, context: Context, started: number): Promise<Answer> {
  try {
    const result = await run(request.action, request.args, context);
    return {
      id: request.id,
      status: 'ok',
      action: request.action,
      duration_ms: elapsedSince(started),
      result,
    } as OkAnswer;
  } catch (error) {
    const failure = failureOf(error);
    if (failure.code === 'INTERNAL') console.error(error);
    return { id: request.id, status: 'failed', error: failure } satisfies FailedAnswer;
  }
}

/** Name and arguments belong together by the request's schema. */
async function run<Name extends ActionName>(
  name: Name,
  args: ActionRequest['args'],
  context: Context,
): Promise<ActionResult<Name>> {
  const action = await loadAction(name);
  return action(args as Parameters<typeof action>[0], context);
}

/** What is known beforehand: whose it is, what it is about, and the program it starts. */
function describe(request: ActionRequest, task: Task, catalogue: Catalogue) {
  const row = catalogue.actions[request.action];
  const unit = row?.units?.find((one) => 'unit' in request.args && one.unit === request.args.unit);
  const program = unit?.program ?? row?.program;
  const argv = program === undefined ? {} : { argv: argvOf(program, request.args) };
  return { ...task, request_id: request.id, action: request.action, targets: targetsOf(request), ...argv };
}

type Ended = Extract<AuditEvent, { event: 'action_ended' }>;

/** How an answer ended, for the record: sizes and hashes of output, never output. */
function ending(
  answer: Answer,
): Pick<Ended, 'status' | 'code' | 'pid' | 'exit_code' | 'signal' | 'timed_out'> & Partial<Ended> {
  if (answer.status === 'refused') throw new Error('expected an action that was carried out, got a refusal');
  if (answer.status === 'failed') return { status: 'failed', code: answer.error.code };
  if (!('pid' in answer.result)) return { status: 'ok' };
  if (answer.action !== 'run_script') return { status: 'ok', pid: answer.result.pid };
  const { pid, exit_code, signal, timed_out, stdout, stderr } = answer.result;
  return {
    status: 'ok',
    pid,
    exit_code,
    signal,
    timed_out,
    stdout_bytes: stdout.bytes,
    stdout_sha256: stdout.sha256,
    stderr_bytes: stderr.bytes,
    stderr_sha256: stderr.sha256,
  };
}

function elapsedSince(started: number): number {
  return Math.round(performance.now() - started);
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

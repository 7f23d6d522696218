import { applyStep, createdOf, idOf, markSecrets, now, required } from './apply.ts';
import type { Change } from '../state/checkpoint.ts';
import type { PendingOperation } from '../state/codec.ts';
import { EngineError, messageOf } from '../errors.ts';
import { ProviderFailure } from '../provider/failure.ts';
import type { Run } from '../run/run.ts';
import type { State } from '../state/schema.ts';
import type { Step } from '../run/step.ts';
import { STEP_KINDS } from '../run/step.ts';
import { isProviderType } from '../values/urn.ts';

/**
 * Does one step: tells that it begins, records durably what is about to be done, calls the provider, tells and records the
 * outcome. Returns the resource's new state, or undefined if the step failed or its outcome was not recorded (the operation
 * was terminated); never throws. Only after it has returned may the program learn an id.
 */
export async function executeStep(run: Run, step: Step): Promise<State | undefined> {
  run.reporter.begun(step);
  let pending: PendingOperation | undefined;
  try {
    const type = STEP_KINDS[step.op].pending;
    if (type !== undefined && hasObject(step) && !run.preview)
      pending = await run.checkpoint.begin(type, pendingResource(step));
    const state = markSecrets(await applyStep(run, step));
    run.reporter.succeeded(step, isDeletion(step) ? undefined : state);
    await record(run, step, pending, changeOf(run, step, state));
    return run.checkpoint.frozen ? undefined : state;
  } catch (error) {
    await recordFailure(run, step, pending, error);
    return undefined;
  }
}

/**
 * Whether something outside comes, changes or goes with the step. Components, the stack and providers are entries of the state
 * alone: they need no record before, and the next write, at the latest the operation's last, carries what became of them.
 */
function hasObject({ type, next, old }: Step): boolean {
  return (next ?? old)?.custom === true && !isProviderType(type);
}

/** True for steps that take a resource away. */
export function isDeletion(step: Step): boolean {
  return step.next === undefined;
}

/** What a finished step changes in the state file. */
function changeOf(run: Run, step: Step, state: State): Change {
  const { old } = step;
  switch (step.op) {
    case 'create':
      return { add: state };
    case 'create-replacement':
      if (old === undefined || old.pendingReplacement === true)
        return { add: state, drop: old === undefined ? [] : [old] };
      if (step.marks) run.checkpoint.amend(old, { delete: true });
      return { add: state };
    case 'update':
    case 'same':
    case 'read':
      return { add: state, drop: old === undefined ? [] : [old] };
    case 'delete-replaced':
      if (!step.marks) return { drop: [required(old)] };
      run.checkpoint.amend(required(old), { pendingReplacement: true });
      return {};
    case 'delete':
    case 'discard':
    case 'discard-replaced':
    case 'remove-pending-replace':
      return { drop: [required(old)] };
    case 'replace':
    case 'refresh':
      return {};
  }
}

async function record(run: Run, step: Step, pending: PendingOperation | undefined, change: Change): Promise<void> {
  if (pending !== undefined) await run.checkpoint.end(pending, change);
  else run.checkpoint.note(change);
}

/**
 * A failed step. The object may exist all the same: half made (recorded with what is wrong with it), or nobody knows (the
 * pending operation stays). Otherwise the state is as before.
 */
async function recordFailure(
  run: Run,
  step: Step,
  pending: PendingOperation | undefined,
  error: unknown,
): Promise<void> {
  const failure = error instanceof ProviderFailure ? error : undefined;
  const partial = failure?.partial;
  const half = partial === undefined ? undefined : halfMade(step, partial);
  const reasons = partial?.reasons.map((reason) => `\n  * ${reason}`).join('') ?? '';
  run.reporter.failed(
    step,
    `${messageOf(error)}${reasons}`,
    half !== undefined ? 1 : failure?.maybeCorrupt === true ? 2 : 0,
  );
  run.failed.add(step.urn);
  run.fail();
  if (error instanceof EngineError && error.code === 'state_not_written') {
    run.halt();
    return;
  }
  if (pending === undefined || failure?.fate === 'unknown') return;
  try {
    await run.checkpoint.end(pending, half === undefined ? {} : changeOf(run, step, markSecrets(half)));
  } catch (writeError) {
    run.reporter.diagnostic('error', messageOf(writeError), step.urn);
    run.halt();
  }
}

/** A create that half succeeded has made the object; an update that did has not brought the new inputs about. */
function halfMade(step: Step, partial: ObjectPartial): State | undefined {
  const { old, next } = step;
  const initErrors = [...partial.reasons];
  if (next === undefined) return undefined;
  if (step.op === 'update' && old !== undefined) {
    return {
      ...next,
      ...idOf(old),
      ...createdOf(old),
      inputs: partial.inputs ?? old.inputs,
      outputs: partial.properties,
      modified: now(),
      initErrors,
    };
  }
  if (step.op !== 'create' && step.op !== 'create-replacement') return undefined;
  return {
    ...next,
    id: partial.id,
    inputs: partial.inputs ?? next.inputs,
    outputs: partial.properties,
    created: now(),
    modified: now(),
    initErrors,
  };
}

type ObjectPartial = NonNullable<ProviderFailure['partial']>;

/** A resource being created is recorded without id: its inputs are the only handle to look for it. */
function pendingResource(step: Step): State {
  if (step.op === 'update') return { ...required(step.next), ...idOf(required(step.old)) };
  return required(step.next ?? step.old);
}

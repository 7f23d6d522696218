import {
  compareInputs,
  ignoreChanges,
  isReplacement,
  replaceOnChanges,
  replacementBecauseOf,
} from '../values/difference.ts';
import { EngineError } from '../errors.ts';
import type { Goal } from '../run/goal.ts';
import { aliasUrns } from '../run/goal.ts';
import type { CheckFailure } from '../provider/instance.ts';
import type { Diff } from '../values/difference.ts';
import { planReplacement } from './replacement.ts';
import type { Run } from '../run/run.ts';
import type { State } from '../state/schema.ts';
import type { Step } from '../run/step.ts';
import { step } from '../run/step.ts';
import { isProviderType, makeUrn, parseReference, parseUrn } from '../values/urn.ts';
import type { Json, Properties } from '../values/value.ts';

/**
 * Decides what a registration needs done: nothing old means create; else the provider's Check and Diff say whether it is
 * the same, an update or a replacement. `provider` is the reference the resource shall use, '' for components. Throws
 * EngineError when the program asked for something impossible.
 */
export async function planRegistration(run: Run, goal: Goal, provider: string): Promise<readonly Step[]> {
  const urn = claimUrn(run, goal);
  const { old, alias } = findOld(run, goal, urn);
  const draft = draftState(run, goal, urn, provider, alias);
  const wanted = { ...draft, inputs: old === undefined ? draft.inputs : keepIgnored(run, goal, urn, old) };
  const fresh = old === undefined || run.deletedAhead.has(old) || old.external === true;
  const next = { ...wanted, inputs: await check(run, wanted, fresh ? undefined : old) };
  if (old === undefined) return [step('create', { next })];
  if (old.external === true)
    return replaceWithout(run, [
      step('create-replacement', { old, next }, { marks: true }),
      step('replace', { old, next }),
    ]);
  if (run.deletedAhead.has(old))
    return replaceWithout(run, [step('replace', { old, next }), step('create-replacement', { old, next })]);
  const diff = await compare(run, goal, old, next);
  if (diff.changes !== 'some') return [step('same', { old, next })];
  if (!isReplacement(diff) || !goal.custom) return [step('update', { old, next }, { diff })];
  return planReplacement(run, goal, { old, next: { ...wanted, inputs: await check(run, wanted, undefined) }, diff });
}

function replaceWithout(run: Run, steps: readonly Step[]): readonly Step[] {
  for (const { urn } of steps) run.replaced.add(urn);
  return steps;
}

/** Asks the resource's provider to validate inputs; failures end the operation with one diagnostic each. */
export async function check(run: Run, wanted: State, old: State | undefined): Promise<Properties> {
  if (!wanted.custom) return wanted.inputs;
  const { inputs, failures } = isProviderType(wanted.type)
    ? await run.providers.check(wanted.urn, wanted.inputs)
    : await (await run.providers.get(wanted.provider ?? '')).check(wanted.urn, old?.inputs, wanted.inputs);
  if (failures.length === 0) return inputs;
  throw new EngineError('operation_failed', failures.map((failure) => describeFailure(wanted, failure)).join('\n'));
}

function claimUrn(run: Run, goal: Goal): string {
  if (goal.parent !== '' && !run.registered.has(goal.parent))
    throw new EngineError('operation_failed', `could not find parent resource ${goal.parent}`);
  const urn = makeUrn(run.options.stack, run.options.project, goal.parent, goal.type, goal.name);
  if (run.claimed.has(urn))
    throw new EngineError('operation_failed', `Duplicate resource URN '${urn}'; try giving it a unique name`);
  run.claimed.add(urn);
  return urn;
}

function findOld(run: Run, goal: Goal, urn: string): { old: State | undefined; alias: string | undefined } {
  const own = run.findOld(urn);
  if (own !== undefined) return { old: own, alias: undefined };
  for (const alias of aliasUrns(goal, run.options.stack, run.options.project, urn)) {
    const old = run.findOld(alias);
    if (old === undefined) continue;
    run.aliased.add(alias);
    return { old, alias };
  }
  return { old: undefined, alias: undefined };
}

/** The state the program wants, before the provider has seen it. What is unset comes from the parent. */
function draftState(run: Run, goal: Goal, urn: string, provider: string, alias: string | undefined): State {
  const parent = run.registered.get(goal.parent)?.state;
  const wanted = {
    parent: goal.parent,
    provider,
    dependencies: [...goal.dependencies],
    propertyDependencies: Object.fromEntries(
      Object.entries(goal.propertyDependencies).map(([key, urns]) => [key, [...urns]]),
    ),
    protect: goal.protect ?? parent?.protect,
    retainOnDelete: goal.retainOnDelete ?? parent?.retainOnDelete,
    deletedWith: goal.deletedWith === '' ? parent?.deletedWith : goal.deletedWith,
    additionalSecretOutputs: [...goal.additionalSecretOutputs],
    customTimeouts: goal.customTimeouts,
    ignoreChanges: [...goal.ignoreChanges],
    replaceOnChanges: [...goal.replaceOnChanges],
    aliases: alias === undefined ? [] : [alias],
  };
  const set = Object.fromEntries(
    Object.entries(wanted).filter(([, value]) => value !== undefined && value !== '' && value !== false),
  );
  return { urn, type: goal.type, custom: goal.custom, inputs: providerInputs(goal), outputs: {}, ...set };
}

/** A provider resource keeps its version among its inputs. */
function providerInputs(goal: Goal): Properties {
  if (!isProviderType(goal.type) || goal.version === '') return goal.inputs;
  return { ...goal.inputs, version: goal.version };
}

function keepIgnored(run: Run, goal: Goal, urn: string, old: State): Properties {
  const { inputs, inapplicable } = ignoreChanges(old.inputs, goal.inputs, goal.ignoreChanges);
  for (const path of inapplicable)
    run.reporter.diagnostic(
      'info',
      `cannot ignore changes to ${path}: the path does not fit both the old and the new inputs`,
      urn,
    );
  return inputs === goal.inputs ? providerInputs(goal) : inputs;
}

async function compare(run: Run, goal: Goal, old: State, next: State): Promise<Diff> {
  if (old.pendingReplacement === true) return replacementBecauseOf('id');
  if (await providerForcesReplacement(run, old, next)) return replacementBecauseOf('provider');
  if (next.deletedWith !== undefined && run.replaced.has(next.deletedWith)) return replacementBecauseOf('deletedWith');
  const hasInitErrors = (old.initErrors ?? []).length > 0;
  const diff = replaceOnChanges(await compareInputsOf(run, goal, old, next), goal.replaceOnChanges, hasInitErrors);
  if (diff.changes === 'some' || !hasInitErrors) return diff;
  return { ...diff, changes: 'some', diffs: ['#initerror'] };
}

async function compareInputsOf(run: Run, goal: Goal, old: State, next: State): Promise<Diff> {
  if (!next.custom) return compareInputs(old.inputs, next.inputs);
  if (isProviderType(next.type)) return run.providers.diff(next.urn, old, next.inputs);
  const provider = await run.providers.get(next.provider ?? '');
  const diff = await provider.diff({ ...old, id: old.id ?? '' }, next.inputs, goal.ignoreChanges);
  return diff.changes === 'unknown' ? compareInputs(old.inputs, next.inputs) : diff;
}

/** Another provider reference alone is no reason: the new provider's DiffConfig decides, against the old one's configuration. */
async function providerForcesReplacement(run: Run, old: State, next: State): Promise<boolean> {
  const [before, after] = [old.provider ?? '', next.provider ?? ''];
  if (before === after || !next.custom || isProviderType(next.type)) return false;
  if (before === '' || after === '') return true;
  const [oldReference, newReference] = [parseReference(before), parseReference(after)];
  if (oldReference.id === newReference.id && run.aliased.has(oldReference.urn)) return false;
  const oldProvider = run.base.find((state) => state.urn === oldReference.urn && state.id === oldReference.id);
  const newProvider = run.registered.get(newReference.urn)?.state;
  if (oldProvider === undefined || newProvider === undefined) return true;
  return isReplacement(await run.providers.diff(newReference.urn, oldProvider, newProvider.inputs));
}

function describeFailure(wanted: State, failure: CheckFailure): string {
  const resource = `${wanted.type} resource '${parseUrn(wanted.urn).name}'`;
  if (failure.property === '') return `${resource} has a problem: ${failure.reason}`;
  const value: Json | undefined = wanted.inputs[failure.property];
  const shown =
    typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? `{${String(value)}}` : '{…}';
  return `${resource}: property ${failure.property} value ${shown} has a problem: ${failure.reason}`;
}

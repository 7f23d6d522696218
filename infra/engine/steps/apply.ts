import { randomUUID } from 'node:crypto';
import { EngineError } from '../errors.ts';
import { UNKNOWN_ID, withoutInternal } from '../provider/providers.ts';
import type { Run } from '../run/run.ts';
import type { State } from '../state/schema.ts';
import type { Step } from '../run/step.ts';
import { isProviderType } from '../values/urn.ts';
import type { Json } from '../values/value.ts';
import { contains, isSecret, secretOf } from '../values/value.ts';

/** Calls the provider. Returns the state as it is afterwards; for a deletion, the old one. */
export async function applyStep(run: Run, step: Step): Promise<State> {
  const { old, next } = step;
  switch (step.op) {
    case 'create':
    case 'create-replacement':
      return createObject(run, required(next));
    case 'update':
      return updateObject(run, required(old), required(next));
    case 'same':
      return keepObject(run, required(old), required(next));
    case 'delete':
    case 'delete-replaced':
    case 'discard':
    case 'discard-replaced':
      await deleteObject(run, step, required(old));
      return required(old);
    case 'read':
      return readObject(run, required(next));
    case 'replace':
      return required(next);
    case 'remove-pending-replace':
      return required(old);
    case 'refresh':
      throw new TypeError('a refresh is not a step of a deployment');
  }
}

async function createObject(run: Run, next: State): Promise<State> {
  const stamps = run.preview ? {} : { created: now(), modified: now() };
  if (!next.custom) return { ...next, ...stamps };
  if (isProviderType(next.type)) {
    const id = run.preview ? UNKNOWN_ID : randomUUID();
    await run.providers.configure(next.urn, id, next.inputs);
    return { ...next, id, outputs: withoutInternal(next.inputs), ...stamps };
  }
  const provider = await run.providers.get(required(next.provider));
  const made = await provider.create(next.urn, next.inputs, next.customTimeouts, run.preview);
  return { ...next, id: made.id, outputs: made.outputs, ...stamps };
}

async function updateObject(run: Run, old: State, next: State): Promise<State> {
  const kept = { ...next, ...idOf(old), ...createdOf(old), modified: now() };
  if (!next.custom) return { ...kept, outputs: old.outputs };
  if (isProviderType(next.type)) {
    await run.providers.configure(next.urn, old.id ?? '', next.inputs);
    return { ...kept, outputs: withoutInternal(next.inputs) };
  }
  const provider = await run.providers.get(required(next.provider));
  const existing = { ...old, urn: next.urn, id: old.id ?? '' };
  return {
    ...kept,
    outputs: await provider.update(existing, next.inputs, next.ignoreChanges ?? [], next.customTimeouts, run.preview),
  };
}

async function keepObject(run: Run, old: State, next: State): Promise<State> {
  if (isProviderType(next.type)) await run.providers.configure(next.urn, old.id ?? '', old.inputs);
  const modified = old.modified === undefined ? {} : { modified: old.modified };
  return { ...next, ...idOf(old), ...createdOf(old), ...modified, outputs: old.outputs };
}

async function readObject(run: Run, next: State): Promise<State> {
  const provider = await run.providers.get(required(next.provider));
  const found = await provider.read(next.urn, next.id ?? '', undefined, next.inputs, next.customTimeouts);
  if (found.id === '' || (Object.keys(found.outputs).length === 0 && !provider.unknownConfig)) {
    throw new EngineError('operation_failed', `resource '${next.id ?? ''}' does not exist`);
  }
  return { ...next, id: found.id, outputs: found.outputs, external: true };
}

/** The provider is not asked for what is not its own, what goes with something else, and what shall stay. */
async function deleteObject(run: Run, step: Step, old: State): Promise<void> {
  const goesWithAnother = old.deletedWith !== undefined && old.deletedWith !== '' && run.condemned.has(old.deletedWith);
  const isPlain = old.custom && !isProviderType(old.type) && old.external !== true && old.retainOnDelete !== true;
  if (run.preview || !isPlain || goesWithAnother || step.op === 'discard' || step.op === 'discard-replaced') return;
  const provider = await run.providers.get(required(old.provider));
  await provider.delete(old.urn, old.id ?? '', old.inputs, old.outputs, old.customTimeouts);
}

/** Outputs that shall be secret: those named so, and those whose input of the same name is. */
export function markSecrets(state: State): State {
  const named = new Set(state.additionalSecretOutputs ?? []);
  let changed = false;
  const outputs: Record<string, Json> = {};
  for (const [key, value] of Object.entries(state.outputs)) {
    const input = state.inputs[key];
    const marked =
      state.custom && (named.has(key) || (input !== undefined && isSecret(input))) && !contains(value, isSecret)
        ? secretOf(value)
        : value;
    changed ||= marked !== value;
    outputs[key] = marked;
  }
  return changed ? { ...state, outputs } : state;
}

/** The id of a state, if it has one. */
export function idOf(state: State): { id?: string } {
  return state.id === undefined ? {} : { id: state.id };
}

/** When the object was made, if known. */
export function createdOf(state: State): { created?: string } {
  return state.created === undefined ? {} : { created: state.created };
}

/** The present as state files write it. */
export function now(): string {
  return new Date().toISOString();
}

/** The value, which the kind of step promises. */
export function required<T>(value: T | undefined): T {
  if (value === undefined) throw new TypeError('a step lacks a state it needs');
  return value;
}

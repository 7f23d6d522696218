import { SetupError } from './errors.ts';
import { freeMiB } from './host.ts';
import { isInPlace, type Check, type ItemResult, type SetupContext, type SetupEvent, type SetupItem } from './item.ts';

/** The builds use up to 2 GiB between them for a while; a run and its evidence want the rest. */
export const FREE_MIB_WANTED = 3 * 1024;

/** Brings items into place: each as soon as what it needs is there, independent ones at the same time. Never throws; the results say what happened. */
export function runItems(
  items: readonly SetupItem[],
  context: Omit<SetupContext, 'progress'>,
  onEvent: (event: SetupEvent) => void,
): Promise<ItemResult[]> {
  const running = new Map<string, Promise<ItemResult>>();
  for (const item of items) {
    const needed = item.needs.map((name) => running.get(name)).filter((other) => other !== undefined);
    running.set(
      item.name,
      Promise.all(needed).then((others) => runItem(item, others, context, onEvent)),
    );
  }
  return Promise.all(running.values());
}

/** Looks at items without changing anything, all at the same time. */
export function checkItems(
  items: readonly SetupItem[],
  context: Omit<SetupContext, 'progress'>,
): Promise<ItemResult[]> {
  return Promise.all(items.map((item) => checkItem(item, context)));
}

async function checkItem(item: SetupItem, context: Omit<SetupContext, 'progress'>): Promise<ItemResult> {
  const started = performance.now();
  try {
    return toResult(item, await item.check({ ...context, progress: () => undefined }), started);
  } catch (error) {
    return failure(item, error, started);
  }
}

async function runItem(
  item: SetupItem,
  needed: readonly ItemResult[],
  context: Omit<SetupContext, 'progress'>,
  onEvent: (event: SetupEvent) => void,
): Promise<ItemResult> {
  const started = performance.now();
  let said = '';
  const progress = (what: string): void => {
    if (what !== said) onEvent({ type: 'item_progress', item: item.name, what });
    said = what;
  };
  const deadline = AbortSignal.timeout(item.deadlineSeconds * 1000);
  const mine = { ...context, progress, signal: AbortSignal.any([context.signal, deadline]) };
  const result = await prepare(item, needed, mine, onEvent, started).catch((error: unknown) =>
    failure(item, translate(error, item, deadline, context.signal), started),
  );
  onEvent({ type: 'item_ended', item: item.name, result });
  return result;
}

async function prepare(
  item: SetupItem,
  needed: readonly ItemResult[],
  context: SetupContext,
  onEvent: (event: SetupEvent) => void,
  started: number,
): Promise<ItemResult> {
  const before = await item.check(context);
  if (before.state === 'ok') return toResult(item, before, started);
  const absent = needed.filter((other) => !isInPlace(other));
  if (absent.length > 0) return skipped(item, before, absent, started);
  await requireSpace(item, context);
  context.signal.throwIfAborted();
  onEvent({ type: 'item_started', item: item.name, why: item.why, expectedSeconds: item.expectedSeconds });
  await item.fix(context);
  const after = await item.check(context);
  const result = toResult(item, after, started);
  return after.state === 'ok'
    ? { ...result, status: result.status === 'warning' ? 'warning' : 'fixed' }
    : { ...result, status: 'failed', code: 'internal' };
}

async function requireSpace(item: SetupItem, context: SetupContext): Promise<void> {
  const free = await freeMiB(context.home);
  if (free >= FREE_MIB_WANTED) return;
  throw new SetupError('not_enough_disk_space', {
    expected: `${FREE_MIB_WANTED} MiB free at ${context.home} to prepare ${item.name}`,
    got: `${free} MiB`,
    hint: 'free some space, or set BURNBAG_HOME to a folder on a larger disk',
  });
}

function toResult(item: SetupItem, check: Check, started: number): ItemResult {
  const { state, what, whatToDo } = check;
  return {
    ...{ item: item.name, why: item.why, what, durationMs: elapsed(started) },
    status: state === 'ok' && whatToDo !== undefined ? 'warning' : state,
    ...(whatToDo !== undefined && { whatToDo }),
    ...(state === 'ok' && check.details !== undefined && { details: check.details }),
  };
}

function skipped(item: SetupItem, check: Check, absent: readonly ItemResult[], started: number): ItemResult {
  const names = absent.map((other) => other.item).join(', ');
  return {
    ...toResult(item, check, started),
    status: 'skipped',
    code: 'prerequisite_failed',
    whatToDo: `first get ${names} into place`,
  };
}

function failure(item: SetupItem, error: unknown, started: number): ItemResult {
  const known = error instanceof SetupError ? error : undefined;
  return {
    item: item.name,
    status: 'failed',
    why: item.why,
    what: known === undefined ? String(error) : `expected ${known.expected}, got ${known.got}`,
    code: known?.code ?? 'internal',
    whatToDo: known?.hint ?? 'this is a defect: please report it',
    durationMs: elapsed(started),
  };
}

/** A deadline or a cancellation surfaces as whatever the interrupted step threw; say what it really was. */
function translate(error: unknown, item: SetupItem, deadline: AbortSignal, cancel: AbortSignal): unknown {
  if (cancel.aborted) {
    const said = {
      expected: `${item.name} to be prepared`,
      got: 'a cancellation',
      hint: 'run it again: it goes on where it stopped',
    };
    return new SetupError('cancelled', said, { cause: error });
  }
  if (!deadline.aborted) return error;
  const got = `nothing after ${item.deadlineSeconds} seconds`;
  const said = {
    expected: `${item.name} to be prepared`,
    got,
    hint: 'check the network and the load of this machine, then run it again',
  };
  return new SetupError('deadline_passed', said, { cause: error });
}

function elapsed(started: number): number {
  return Math.round(performance.now() - started);
}

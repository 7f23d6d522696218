import { SetupError } from './errors.ts';
import {
  isInPlace,
  type Environment,
  type ItemName,
  type ItemResult,
  type SetupContext,
  type SetupEvent,
  type SetupItem,
} from './item.ts';
import { SETUP_ITEMS } from './items/index.ts';
import { lockSetup } from './lock.ts';
import { writeRecord } from './record.ts';
import { runItems } from './run-items.ts';
import { isPrepared, takeStamp } from './stamp.ts';

/** What a caller says: where everything lies, the environment for the tools that are started, and what to do with news. */
export interface SetupOptions {
  readonly home: string;
  readonly root: string;
  readonly env: Environment;
  readonly archiveEndpoint?: string | undefined;
  /** Only these items and what they need; all of them where absent. */
  readonly only?: readonly ItemName[];
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: SetupEvent) => void;
}

export interface SetupResult {
  readonly ok: boolean;
  readonly items: readonly ItemResult[];
  readonly durationMs: number;
}

/** Prepares what is missing. Where nothing is, it costs a few milliseconds: every command that needs a sandbox calls it first. */
export async function ensureSetup(options: SetupOptions): Promise<SetupResult> {
  const started = performance.now();
  if (await isPrepared(options)) return { ok: true, items: [], durationMs: performance.now() - started };
  return runSetup(options);
}

/**
 * Looks at every item and prepares what is missing, one process at a time per data directory. What could not be prepared is in the result, not
 * thrown; SetupError is only for a data directory that cannot be used, another set-up that does not end, and a cancellation while waiting for it.
 */
export async function runSetup(options: SetupOptions): Promise<SetupResult> {
  const started = performance.now();
  const onEvent = options.onEvent ?? (() => undefined);
  const context = setupContext(options);
  using lock = await lockSetup(options.home, context.signal, () => {
    onEvent({ type: 'item_progress', item: 'setup', what: 'waiting for another set-up of this data directory' });
  });
  const items = await runItems(selectItems(options.only), context, onEvent);
  const ok = items.every(isInPlace);
  await writeRecord(options.home, items);
  if (ok && options.only === undefined) await takeStamp(options);
  return { ok, items, durationMs: Math.round(performance.now() - started) };
}

/** The first item that stands in the way, as an error for a caller who cannot go on without it. */
export function requireSetup(result: SetupResult): void {
  const absent = result.items.find((item) => !isInPlace(item) && item.status !== 'skipped');
  if (result.ok || absent === undefined) return;
  throw new SetupError(absent.code ?? 'prerequisite_failed', {
    expected: `${absent.item} (${absent.why}) to be in place`,
    got: absent.what,
    hint: absent.whatToDo ?? 'run: burnbag doctor',
  });
}

/** The part of the context that is the same for every item. */
export function setupContext(options: SetupOptions): Omit<SetupContext, 'progress'> {
  const { home, root, env, archiveEndpoint } = options;
  return { home, root, env, archiveEndpoint, signal: options.signal ?? new AbortController().signal };
}

/** The named items and everything they need, in the order of the table. */
export function selectItems(only: readonly ItemName[] | undefined): readonly SetupItem[] {
  if (only === undefined) return SETUP_ITEMS;
  const wanted = new Set<ItemName>(only);
  for (const item of SETUP_ITEMS.toReversed())
    if (wanted.has(item.name)) item.needs.forEach((name) => wanted.add(name));
  return SETUP_ITEMS.filter((item) => wanted.has(item.name));
}

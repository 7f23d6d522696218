import type { ConcreteId, Deletion, EngineEvent } from '../driver.ts';
import { notDeleted, withinLimit } from '../host/burn.ts';
import { deleteDirectly, killByLabel } from './delete.ts';
import { takeInventory } from './inventory.ts';
import { layoutOf, type Layout } from './layout.ts';
import { look } from './observe.ts';
import type { Parts } from './parts.ts';
import { removeStackTraces } from '../host/stack-files.ts';

/**
 * See SandboxDriver.destroy. Steps, every one tried whatever became of the others:
 *   1. what is there: the manifest and, in case it lacks something, what carries the run's label;
 *   2. Pulumi destroys the stack, if this process has it open, within a deadline;
 *   3. each id that is still there is deleted directly, machines first, folders last;
 *   4. whatever else carries the label: processes, the run's folder, traces of its stack.
 * Only what is in force outside this process counts: it works as well after a crash, with the state lost or locked.
 */
export async function burn(
  parts: Parts,
  runId: string,
  manifest: readonly ConcreteId[],
  onEvent: (event: EngineEvent) => void,
): Promise<readonly Deletion[]> {
  const layout = layoutOf(parts.options, runId);
  const around = parts.options.aroundDeletion ?? ((_kind, work) => work());
  const errors: unknown[] = [];
  const attempt = async <T>(step: () => Promise<T>): Promise<T | undefined> =>
    step().catch((error: unknown) => void errors.push(error));

  const seen = (await attempt(() => takeInventory(parts.options, runId))) ?? [];
  const targets = inOrder(unique([...manifest, ...seen]));
  const before = await Promise.all(targets.map((id) => isThere(parts, id)));
  const byPulumi = await destroyStack(parts, layout, onEvent);
  const deletions: Deletion[] = [];
  for (const [at, target] of targets.entries()) {
    const otherwise = before[at] === true ? byPulumi : 'already gone';
    const how = await attempt(() => around(target.kind, () => deleteOne(parts, layout, target, otherwise)));
    if (how !== undefined) deletions.push({ target, how, at: parts.now().toISOString() });
  }
  await attempt(() => killByLabel(layout));
  await attempt(() => deleteDirectly(parts.options, layout, { kind: 'directory', id: layout.directory, detail: {} }));
  await attempt(() => removeStackTraces(parts.options, layout.stack));
  if (errors.length > 0) throw notDeleted(layout.label, errors);
  return deletions;
}

/** A destroy takes tens of milliseconds; one that takes this long is stuck, and the manifest is the better way. */
const PULUMI_LIMIT_MS = 10_000;

/** What goes first: a machine that lives on would write into what goes after it. */
const ORDER: readonly ConcreteId['kind'][] = ['process', 'port', 'socket', 'disk', 'file', 'stack', 'directory'];

/** Deeper paths before the folders they lie in. */
function inOrder(ids: readonly ConcreteId[]): readonly ConcreteId[] {
  return ids.toSorted((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind) || b.id.length - a.id.length);
}

function unique(ids: readonly ConcreteId[]): readonly ConcreteId[] {
  return [...new Map(ids.map((id) => [`${id.kind} ${id.id}`, id])).values()];
}

/** What cannot be told counts as there: then it is deleted, which says what is wrong. */
async function isThere({ options }: Parts, id: ConcreteId): Promise<boolean> {
  return look(options, id).then(
    ({ state }) => state === 'present',
    () => true,
  );
}

/** How Pulumi fared, in the words of the receipt. Its failure is no error: everything is deleted directly in any case. */
async function destroyStack(
  { live, options }: Parts,
  { runId, stack: name }: Layout,
  onEvent: (event: EngineEvent) => void,
): Promise<string> {
  const run = live.get(runId);
  live.delete(runId);
  try {
    const { stack } = run ?? {};
    if (stack === undefined) return 'already gone';
    const gone = stack.destroy(onEvent).then(() => stack.remove());
    if ((await withinLimit(PULUMI_LIMIT_MS, gone)) === 'late') stack.terminate();
    else await removeStackTraces(options, name);
    return 'pulumi destroy';
  } catch {
    return 'pulumi destroy';
  } finally {
    run?.provider.close();
  }
}

/** Deletes what is still there. `otherwise` says how it went if it is not. */
async function deleteOne({ options }: Parts, layout: Layout, target: ConcreteId, otherwise: string): Promise<string> {
  const { state } = await look(options, target);
  return state === 'gone' ? otherwise : await deleteDirectly(options, layout, target);
}

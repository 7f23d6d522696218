import { setTimeout as sleep } from 'node:timers/promises';
import type { ConcreteId, Deletion, EngineEvent } from '../driver.ts';
import { notDeleted, withinLimit } from '../host/burn.ts';
import { notOfRun, removeFolder, unlinkOwn } from '../host/delete.ts';
import { runFolderOf, type RunFolder } from '../host/run-folder.ts';
import { removeStackTraces } from '../host/stack-files.ts';
import { isExpected } from './ids.ts';
import { takeInventory } from './inventory/find.ts';
import { KINDS, kindOf } from './inventory/kinds.ts';
import { look, machinesOf } from './inventory/look.ts';
import { removeFromAws } from './inventory/remove.ts';
import type { Parts } from './parts.ts';

/**
 * See SandboxDriver.destroy. Steps, every one tried whatever became of the others:
 *   1. Pulumi destroys the stack, if this process has it open, within a deadline;
 *   2. a machine that was ordered by a process that died, and is not shown yet, is waited for;
 *   3. what is there, the manifest's and whatever else carries the run's tags, is deleted by AWS's own API, holders before what they hold;
 *   4. once more whatever carries the tags by then;
 *   5. what this host keeps: the stack's files and the run's folder.
 * Nothing of it needs the stack's state: it works as well with that lost, locked, or never written.
 */
export async function burn(
  parts: Parts,
  runId: string,
  manifest: readonly ConcreteId[],
  onEvent: (event: EngineEvent) => void,
): Promise<readonly Deletion[]> {
  const folder = runFolderOf(parts.options, runId);
  const errors: unknown[] = [];
  const attempt = async <T>(step: () => Promise<T>): Promise<T | undefined> =>
    step().catch((error: unknown) => void errors.push(error));

  const before = new Set<string>();
  for (const id of manifest) if (await isThere(parts, id)) before.add(nameOf(id));
  const byPulumi = await destroyStack(parts, folder, onEvent);
  await attempt(() => awaitOrdered(parts, runId, manifest));
  const deletions = new Map<string, Deletion>();
  for (let round = 0; round < ROUNDS; round += 1) {
    const found = (await attempt(() => takeInventory(parts, runId))) ?? [];
    for (const target of inOrder([...manifest, ...found])) {
      if (deletions.has(nameOf(target))) continue;
      const otherwise = before.has(nameOf(target)) ? byPulumi : 'already gone';
      const how = await attempt(async () => (await deleteOne(parts, folder, target)) ?? otherwise);
      if (how !== undefined) deletions.set(nameOf(target), { target, how, at: parts.now().toISOString() });
    }
  }
  await attempt(() => removeState(parts, folder.stack));
  await attempt(() => removeFolder(folder, folder.directory));
  if (errors.length > 0) throw notDeleted(`run ${runId}`, errors);
  return [...deletions.values()];
}

/** The second round finds what a list showed late. */
const ROUNDS = 2;
/** A destroy through the provider waits for the machine's end; one that takes this long is stuck, and the manifest is the better way. */
const PULUMI_LIMIT_MS = 300_000;

/** What cannot be told counts as there: then it is deleted, which says what is wrong. */
async function isThere(parts: Parts, id: ConcreteId): Promise<boolean> {
  return look(parts, id).then(
    ({ state }) => state === 'present',
    () => true,
  );
}

/** How Pulumi fared, in the words of the receipt. Its failure is no error: everything is deleted directly in any case. */
async function destroyStack(
  parts: Parts,
  { runId, stack: name }: RunFolder,
  onEvent: (event: EngineEvent) => void,
): Promise<string> {
  const { live, settled } = parts;
  const stack = live.get(runId);
  live.delete(runId);
  if (stack === undefined) return 'already gone';
  try {
    const destroyed = await withinLimit(PULUMI_LIMIT_MS, stack.destroy(onEvent));
    if (destroyed === 'late') stack.terminate();
    else {
      // Every launch of it was answered for: nothing can turn up later.
      if (destroyed.unresolved.length === 0) settled.add(runId);
      await stack.remove();
      await removeState(parts, name);
    }
  } catch {
    stack.terminate();
  }
  return 'pulumi destroy';
}

/**
 * A process that died may have ordered a machine that no list shows yet. Looks for it as long as it could still turn up, unless one has
 * been shown, dead or alive: a run launches one at a time.
 */
async function awaitOrdered(parts: Parts, runId: string, manifest: readonly ConcreteId[]): Promise<void> {
  const { settled, waits } = parts;
  if (settled.has(runId) || !manifest.some(isExpected)) return;
  const until = performance.now() + waits.visibleMs;
  while ((await machinesOf(parts, runId)).length === 0 && performance.now() < until) await sleep(waits.pollMs);
}

async function deleteOne(parts: Parts, folder: RunFolder, target: ConcreteId): Promise<string | undefined> {
  if ((await look(parts, target).catch(() => undefined))?.state === 'gone') return undefined;
  if (kindOf(target.kind) !== undefined) return removeFromAws(parts, folder.runId, target);
  if (target.kind === 'socket') return unlinkOwn(folder, target.id);
  if (target.kind === 'directory') return removeFolder(folder, target.id);
  if (target.kind !== 'stack' || target.id !== folder.stack)
    throw notOfRun(`run ${folder.runId}`, `${target.kind} ${target.id}`);
  await removeState(parts, target.id);
  return undefined;
}

function removeState({ options, remoteState }: Parts, stack: string): Promise<void> {
  return remoteState?.remove(stack) ?? removeStackTraces(options, stack);
}

/** Holders before what they hold, this host's things last; each once. */
function inOrder(ids: readonly ConcreteId[]): readonly ConcreteId[] {
  const order: readonly string[] = [...KINDS.map(({ kind }) => kind), 'socket', 'stack', 'directory'];
  const unique = [...new Map(ids.map((id) => [nameOf(id), id])).values()];
  return unique.toSorted((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
}

function nameOf({ kind, id }: ConcreteId): string {
  return `${kind} ${id}`;
}

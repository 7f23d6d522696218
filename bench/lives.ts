import { randomBytes } from 'node:crypto';
import type { ConcreteId } from '../infra/driver.ts';
import type { Journal } from '../orchestrator/run/journal/index.ts';
import type { RunState } from '../orchestrator/run/lifecycle.ts';
import type { Run } from '../orchestrator/run/run.ts';

/** The moves of a life, after the one that begins it. */
const MOVES: readonly RunState[] = [
  ...(['admitted', 'provisioning', 'ready', 'executing', 'collecting', 'sealed', 'destroying', 'destroyed'] as const),
];
/** As many as a run of the local driver has. */
const IDS = 11;
/** As many as a detonation has. */
const ACTIONS = ['put_file', 'run_script', 'list_files', 'check_health'];

/** What of a life is journalled: its moves alone, or everything that a detonation on the local driver records. */
export type Depth = 'moves' | 'everything';

/** One life, as the conductor journals it; each statement is on disk before the next is said. */
export async function live(journal: Journal, depth: Depth): Promise<void> {
  const runId = randomBytes(6).toString('hex');
  const request = { actions: ACTIONS.map((action) => ({ action, args: {} })) };
  let run = await journal.createRun({ runId, taskId: 'bench', requester: 'bench', profile: 'detonation', request });
  for (const to of MOVES) {
    if (depth === 'everything') await record(journal, run);
    const isKnown = to === 'collecting';
    run = await journal.moveRun(run, to, { ...(isKnown && { outcome: 'succeeded' as const }) });
  }
}

/** What stands between two moves. */
async function record(journal: Journal, { runId, state }: Run): Promise<void> {
  if (state === 'provisioning') for (const id of ids(runId)) await journal.recordId(runId, id);
  if (state === 'ready') {
    const serial = BigInt(`0x${randomBytes(8).toString('hex')}`).toString();
    await journal.recordCertificate(runId, { serial, keyId: `run=${runId}`, validBefore: 2_000_000_000 });
  }
  if (state === 'executing')
    for (const [index, action] of ACTIONS.entries())
      for (const step of ['journalled', 'sent', 'answered'] as const)
        await journal.recordAction(runId, { requestId: index + 1, action, state: step });
  if (state === 'destroying') {
    await journal.listCertificates(runId);
    await journal.listIds(runId);
    const seen = { means: 'bench', at: new Date().toISOString(), how: 'unlink' };
    for (const id of ids(runId)) await journal.markGone(runId, id, seen);
  }
}

function ids(runId: string): readonly ConcreteId[] {
  return Array.from({ length: IDS }, (_, index) => ({
    kind: 'file' as const,
    id: `/data/live/${runId}/file-${index}`,
    detail: {},
  }));
}

/** So many lives, so many of them at a time; resolves with lives per second. */
export async function livesPerSecond(journal: Journal, depth: Depth, lives: number, atOnce: number): Promise<number> {
  let left = lives;
  const since = performance.now();
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await live(journal, depth);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return lives / ((performance.now() - since) / 1_000);
}

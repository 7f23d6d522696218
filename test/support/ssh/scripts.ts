import { createHash } from 'node:crypto';
import { type Answer, INPUT_FOLDER } from '../../../executor/protocol/index.ts';
import type { Session } from '../../../orchestrator/relay/index.ts';
import { TASK_ID } from '../login.ts';
import { minted, open } from './relay-side.ts';
import type { Target } from './target.ts';

/** What run_script answers. */
export type Ended = Extract<Answer, { status: 'ok'; action: 'run_script' }>['result'];

/** A relay's session in which some scripts may be run, each uploaded already. */
export interface Scripts {
  readonly session: Session;
  /** Runs one of them to its end. */
  run(script: string, seconds?: number): Promise<Ended>;
}

const MARGIN_MS = 120_000;

/** Opens one. */
export async function openScripts(target: Target, scripts: readonly string[], seconds = 120): Promise<Scripts> {
  const actions = [
    { action: 'put_file' as const, limits: { paths: [INPUT_FOLDER], max_bytes: 10_000 } },
    { action: 'run_script' as const, limits: { sha256: scripts.map(digestOf), max_seconds: seconds } },
    { action: 'check_health' as const, limits: {} },
  ];
  const session = await open(target, await minted(target, { actions, ttlSeconds: 1800 }));
  let id = 0;
  for (const script of scripts) {
    const sha256 = digestOf(script);
    const args = { path: `${INPUT_FOLDER}${sha256}`, content_base64: Buffer.from(script).toString('base64'), sha256 };
    const put = { id: ++id, task_id: TASK_ID, action: 'put_file', args } as const;
    await session.request(put, { timeoutMs: MARGIN_MS });
  }
  return {
    session,
    async run(script, timeout_seconds = seconds) {
      const args = { sha256: digestOf(script), args: [], timeout_seconds };
      const request = { id: ++id, task_id: TASK_ID, action: 'run_script', args } as const;
      const answer = await session.request(request, { timeoutMs: timeout_seconds * 1000 + MARGIN_MS });
      if (answer.status !== 'ok' || answer.action !== 'run_script') throw new Error(JSON.stringify(answer));
      return answer.result;
    },
  };
}

function digestOf(script: string): string {
  return createHash('sha256').update(script).digest('hex');
}

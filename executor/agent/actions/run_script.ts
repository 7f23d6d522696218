import { INPUT_FOLDER, type ActionArgs } from '../../protocol/action.ts';
import type { ActionResult } from '../../protocol/answer.ts';
import { OutputCollector } from '../output/collector.ts';
import { spawnScript } from '../spawner/client.ts';
import type { Context } from './action.ts';

/** Where a script with this digest was uploaded to. */
export function scriptPath(sha256: string): string {
  return `${INPUT_FOLDER}${sha256}`;
}

/** Runs an uploaded script as the powerless user, until it exits, its time is up or the grant expires. */
export async function runScript(
  args: ActionArgs<'run_script'>,
  { guest, endsAt, signal }: Context,
): Promise<ActionResult<'run_script'>> {
  const stdout = new OutputCollector();
  const stderr = new OutputCollector();
  const collectors = { stdout, stderr };
  let pid = 0;
  const listener = {
    started: (started: number): void => {
      pid = started;
    },
    output: (stream: 'stdout' | 'stderr', chunk: Buffer): void => {
      collectors[stream].add(chunk);
    },
  };
  const leftMs = Math.max(1, endsAt * 1000 - guest.now());
  const timeout_ms = Math.min(args.timeout_seconds * 1000, leftMs);
  const request = { do: 'run_script', sha256: args.sha256, args: args.args, timeout_ms } as const;
  const outcome = await spawnScript(request, guest, listener, signal);
  return { ...outcome, pid, stdout: stdout.finish(), stderr: stderr.finish() };
}

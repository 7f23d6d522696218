import type { z } from 'zod';
import type { Ended, Output } from '../protocol/shapes.ts';
import type { Context } from './action.ts';
import { OutputCollector } from './output/collector.ts';
import { spawnProgram } from './spawner/client.ts';
import type { ProgramRequest } from './spawner/request.ts';

/** How a program of the catalogue ended and what it said. */
export type ProgramResult = { readonly [Name in keyof typeof Ended]: z.infer<(typeof Ended)[Name]> } & {
  readonly stdout: Output;
  readonly stderr: Output;
};

/** A request without its deadline: that comes from what is left of the grant. */
type Asked<Request> = Request extends unknown ? Omit<Request, 'timeout_ms'> : never;

/**
 * Has the root half run a program as the powerless user, until it exits, its time is up or the grant expires. Throws ActionFailure when it
 * was not started or the session ended.
 */
export async function runProgram(
  asked: Asked<ProgramRequest>,
  timeoutSeconds: number,
  { guest, endsAt, signal }: Context,
): Promise<ProgramResult> {
  const collectors = { stdout: new OutputCollector(), stderr: new OutputCollector() };
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
  const request = { ...asked, timeout_ms: Math.min(timeoutSeconds * 1000, leftMs) };
  const outcome = await spawnProgram(request, guest, listener, signal);
  return { ...outcome, pid, stdout: collectors.stdout.finish(), stderr: collectors.stderr.finish() };
}

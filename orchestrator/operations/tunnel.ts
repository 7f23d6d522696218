import * as z from 'zod';
import { operation } from './operation.ts';
import { RunPrefix } from './show.ts';

/** Opens a tunnel to one destination inside a run's sandbox; it is there until the run stops executing. */
export const tunnel = operation({
  name: 'tunnel',
  summary: 'open a tunnel to a destination inside the sandbox of a run that is executing',
  access: 'shared',
  args: z.strictObject({ run: RunPrefix, destination: z.string().max(64) }),
  result: z.strictObject({
    schema: z.literal('burnbag.tunnel/1'),
    run_id: z.string(),
    destination: z.string(),
    /** A unix socket for this user only. */
    socket: z.string(),
  }),
  async run({ run, destination }, context) {
    const orchestrator = await context.open();
    const { runId } = await orchestrator.deps.journal.getRun(run);
    const { socket } = await orchestrator.tunnel(runId, destination, context.environment.requester);
    return { schema: 'burnbag.tunnel/1' as const, run_id: runId, destination, socket };
  },
});

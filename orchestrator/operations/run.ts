import * as z from 'zod';
import { TaskId } from '../../executor/protocol/index.ts';
import { parseActions } from '../run/request.ts';
import { RunSummary } from '../run/summary.ts';
import { operation } from './operation.ts';
import { prepare } from './prepare.ts';

/** Runs a list of actions in a sandbox of its own, and burns it. */
export const run = operation({
  name: 'run',
  summary: 'run a list of actions in a sandbox of its own, and burn it',
  access: 'conducting',
  args: z.strictObject({
    profile: z.string(),
    /** A JSON array of actions, or one a line: docs/actions.md. */
    actions: z.string(),
    label: z.string(),
    task_id: TaskId,
    ttl_seconds: z.int().optional(),
  }),
  result: RunSummary,
  async run({ profile, actions, label, task_id: taskId, ttl_seconds: ttlSeconds }, context) {
    const request = {
      taskId,
      requester: context.environment.requester,
      profile,
      label,
      actions: parseActions(actions),
      ...(ttlSeconds !== undefined && { ttlSeconds }),
    };
    const orchestrator = await prepare(context);
    return orchestrator.conduct(request, context.observe, context.signal);
  },
});

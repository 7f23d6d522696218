import * as z from 'zod';
import { SCRIPT_ARG_MAX_CHARS, SCRIPT_ARGS_MAX, SCRIPT_MAX_SECONDS, TaskId } from '../../executor/protocol/index.ts';
import { detonationRequest } from '../run/request.ts';
import { RunSummary } from '../run/summary.ts';
import { operation } from './operation.ts';
import { prepare } from './prepare.ts';

/** Runs one untrusted script in a sandbox of its own, tells what it did, and burns the sandbox. */
export const detonate = operation({
  name: 'detonate',
  summary: 'run one untrusted script in a sandbox of its own, tell what it did, and burn the sandbox',
  access: 'conducting',
  args: z.strictObject({
    content_base64: z.base64(),
    label: z.string(),
    args: z.array(z.string().max(SCRIPT_ARG_MAX_CHARS)).max(SCRIPT_ARGS_MAX),
    profile: z.string(),
    timeout_seconds: z.int().min(1).max(SCRIPT_MAX_SECONDS),
    ttl_seconds: z.int().optional(),
    task_id: TaskId.optional(),
  }),
  result: RunSummary,
  async run(asked, context) {
    const request = detonationRequest({
      content: Buffer.from(asked.content_base64, 'base64'),
      label: asked.label,
      args: asked.args,
      profile: asked.profile,
      timeoutSeconds: asked.timeout_seconds,
      requester: context.environment.requester,
      ...(asked.ttl_seconds !== undefined && { ttlSeconds: asked.ttl_seconds }),
      ...(asked.task_id !== undefined && { taskId: asked.task_id }),
    });
    const orchestrator = await prepare(context);
    return orchestrator.conduct(request, context.observe, context.signal);
  },
});

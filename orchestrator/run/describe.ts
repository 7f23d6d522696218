import type { Run } from './run.ts';
import { RunResult, type RunSummary } from './summary.ts';

/** What callers are shown of a run: the journal's row, with what its conductor stored in it. */
export function describeRun(run: Run): RunSummary {
  const result = run.result === undefined ? null : RunResult.parse(run.result);
  return {
    schema: 'burnbag.run/1',
    run_id: run.runId,
    task_id: run.taskId,
    requester: run.requester,
    profile: run.profile,
    label: textOf(run.request, 'label') ?? '',
    state: run.state,
    outcome: run.outcome ?? null,
    why: run.why ?? null,
    created_at: run.createdAt,
    ended_at: run.endedAt ?? null,
    isolation: textOf(run.sandbox, 'isolation') ?? null,
    engine: textOf(run.sandbox, 'engine') ?? null,
    result,
  };
}

function textOf(value: unknown, field: string): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const found: unknown = Object.entries(value).find(([name]) => name === field)?.[1];
  return typeof found === 'string' ? found : undefined;
}

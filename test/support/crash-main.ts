// The product's entry point with a rig: a fake driver, and failpoints that its argument arms. main.ts has neither.
import './crash-clock.ts';
import { once } from 'node:events';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { runCli } from '../../orchestrator/doors/cli/cli.ts';
import { loadConfiguration } from '../../orchestrator/configuration.ts';
import { serveControl } from '../../orchestrator/doors/control/serve.ts';
import type { OperationContext } from '../../orchestrator/operations/index.ts';
import type { Environment } from '../../orchestrator/environment.ts';
import type { SandboxDriver } from '../../infra/driver.ts';
import { openOrchestrator, type Orchestrator } from '../../orchestrator/orchestrator.ts';
import type { Failpoints, FailpointName } from '../../orchestrator/run/failpoint.ts';
import { JournalError } from '../../orchestrator/run/journal/index.ts';
import type { ObserveRun } from '../../orchestrator/run/progress.ts';
import { detonationRequest } from '../../orchestrator/run/request.ts';
import { type CrashEvent, type CrashPlan, type DumpedRun, type Fault, FILLER } from './crash-plan.ts';
import { createFakeDriver } from './fake-driver.ts';
import { createRealDriver } from './real-driver.ts';

const plan = JSON.parse(process.argv[2] ?? '') as CrashPlan;
const say = (event: CrashEvent): void => void process.stdout.write(`${JSON.stringify(event)}\n`);
const { lifetime, patienceMs, hostRoot } = plan;
const failpoints = armed(plan.fault);
const environment: Environment = {
  home: plan.home,
  root: process.cwd(),
  requester: 'crash-test',
  databaseUrl: plan.databaseUrl,
  variables: process.env,
  rig: {
    failpoints,
    ...(lifetime !== undefined && { lifetimeOf: () => lifetime }),
    ...(patienceMs !== undefined && { patienceMs }),
    ...(hostRoot !== undefined && { hostRoot }),
    createDriver,
  },
};

function createDriver(owner: { readonly home: string; readonly installationId: string }): SandboxDriver {
  if (plan.driver === 'local') return createRealDriver({ ...owner, failpoints });
  const { machine, boundToOwner = false, stalePid } = plan;
  const options = { ...owner, failpoints, plan: machine, boundToOwner };
  return createFakeDriver({ ...options, ...(stalePid !== undefined && { stalePid }) });
}

if (plan.do === 'cli') process.exitCode = await runCli(plan.argv ?? [], environment);
else {
  try {
    await work();
  } catch (error) {
    say({ type: 'error', text: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    process.exitCode = 1;
  }
}

async function work(): Promise<void> {
  await using orchestrator = await openOrchestrator(environment, await loadConfiguration(plan.home), 'runs');
  await using _control = plan.control === true ? await serveControl(plan.home, contextOf(orchestrator)) : undefined;
  say({ type: 'opened' });
  if (plan.do === 'recover') {
    const { clean } = await orchestrator.reap(
      { dryRun: false, most: 16, impatient: true, graceSeconds: 120 },
      () => undefined,
    );
    say(await dump(orchestrator));
    if (!clean) process.exitCode = 2;
    return;
  }
  const request = detonationRequest({
    content: Buffer.from('#!/bin/sh\nid\n'),
    label: 'crash.sh',
    args: [],
    timeoutSeconds: 5,
    requester: 'crash-test',
    profile: 'detonation',
  });
  const watch: ObserveRun = (event) => {
    if (event.type === 'admitted') say({ type: 'run', runId: event.runId });
    if (event.type === 'notice') say({ type: 'notice', text: event.text });
  };
  const { state, outcome, result } = await orchestrator.conduct(request, watch, new AbortController().signal);
  say({ type: 'ended', state, outcome, failures: result?.failures.map(({ code, got }) => `${code}: ${got}`) ?? [] });
}

/** As the product's door gives it to whoever asks over the control socket. */
function contextOf(orchestrator: Orchestrator): OperationContext {
  const nobody = (): void => undefined;
  const { signal } = new AbortController();
  return { environment, observe: nobody, observeSetup: nobody, signal, open: () => Promise.resolve(orchestrator) };
}

function armed(fault: Fault | undefined): Failpoints {
  let left = fault?.times ?? 1;
  const strike = async (step: FailpointName, when: Fault['when']): Promise<void> => {
    if (fault?.step !== step || fault.when !== when || left <= 0) return;
    left -= 1;
    await carryOut(fault.how);
  };
  return {
    around: async (step, work) => {
      await strike(step, 'before');
      const result = await work();
      await strike(step, 'after');
      return result;
    },
  };
}

async function carryOut(how: Fault['how']): Promise<void> {
  switch (how) {
    case 'kill':
      process.kill(process.pid, 'SIGKILL');
      return new Promise(() => undefined);
    case 'stop':
      say({ type: 'stopping' });
      process.kill(process.pid, 'SIGSTOP');
      // The signal stops every thread, but perhaps not before the next line of this one.
      await new Promise((resolve) => setTimeout(resolve, 20));
      return;
    case 'fill':
      fillDisk();
      return;
    case 'ask':
      say({ type: 'asking' });
      await once(process.stdin, 'data');
      process.stdin.destroy();
      return;
    case 'unavailable':
      throw new JournalError('journal_unavailable', { expected: 'a database', got: 'none (a test)', hint: 'wait' });
    default:
      throw Object.assign(new Error(`${how}: a test, write`), { code: how });
  }
}

/** Until the file system takes no more. */
function fillDisk(): void {
  const file = openSync(join(plan.home, FILLER), 'a');
  try {
    for (const block of [Buffer.alloc(1024 * 1024), Buffer.alloc(1)]) fillWith(file, block);
  } finally {
    closeSync(file);
  }
}

function fillWith(file: number, block: Buffer): void {
  for (;;) {
    try {
      if (writeSync(file, block) < block.length) return;
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') return;
      throw error;
    }
  }
}

async function dump({ deps: { journal } }: Orchestrator): Promise<CrashEvent> {
  const runs: DumpedRun[] = [];
  for (const { runId, state, outcome, chainHead, result } of await journal.listRuns({ limit: 1_000 })) {
    const certificates = await journal.listCertificates(runId);
    runs.push({
      ...{ runId, state, chainHead, ...(outcome !== undefined && { outcome }) },
      transitions: await journal.listTransitions(runId),
      ids: await journal.listIds(runId),
      serials: certificates.map(({ serial }) => serial),
      actions: await journal.listActions(runId),
      ...(result !== undefined && { result: result as NonNullable<DumpedRun['result']> }),
    });
  }
  return { type: 'dump', runs };
}

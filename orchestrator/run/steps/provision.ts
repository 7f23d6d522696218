import { join } from 'node:path';
import type { ProviderCall, ProvisionObserver, SandboxReach } from '../../../infra/driver.ts';
import { openCapture, STREAMS } from '../../evidence/index.ts';
import { findProfile } from '../../policy/profile.ts';
import { explain, RequestError } from '../../errors.ts';
import type { Place } from '../../queue/places.ts';
import type { LiveRun } from '../live.ts';
import type { Run } from '../run.ts';
import type { Deps, Step } from '../step.ts';
import { refuseEmulated, refuseHost } from './refuse-host.ts';

/** Nothing is spent on what will be refused, or until the archive is known to take the evidence (no durable record, no run), and there is room for a sandbox. */
export const beginProvisioning: Step<'admitted'> = async (run, live, deps) => {
  if (live.signal.aborted) throw cancelled();
  await refuseHost(run, deps);
  await deps.vault.openForRun();
  live.place = await takePlace(run, live, deps);
  return 'provisioning';
};

async function takePlace({ runId, requester, profile }: Run, live: LiveRun, deps: Deps): Promise<Place> {
  const onWait = (before: number): void => {
    deps.observe({ type: 'notice', runId, text: `waits for room for its sandbox; ${before} before it` });
  };
  const { memoryMiB } = findProfile(deps.policy, profile).machine;
  try {
    return await deps.places.take({ requester, memoryMiB, onWait }, live.signal);
  } catch (error) {
    throw live.signal.aborted ? cancelled() : error;
  }
}

function cancelled(): RequestError {
  return new RequestError('cancelled', {
    expected: 'a run to provision',
    got: 'a request to stop',
    hint: 'nothing was started: ask again when you want it',
  });
}

/** Boots the VM. Every concrete id is in the manifest of ids before it is used; READY comes over the console. */
export const provision: Step<'provisioning'> = async (run, live, deps) => {
  if (live.request === undefined || live.granted === undefined) return 'collecting';
  const since = performance.now();
  deps.observe({ type: 'phase_started', runId: run.runId, phase: 'provisioned' });
  const profile = findProfile(deps.policy, live.request.profile);
  const { guestSeconds, haltSeconds } = deps.lifetimeOf(live.granted.ttlSeconds);
  live.haltAfter(haltSeconds, () => endOverdue(run.runId, deps));
  const request = {
    runId: run.runId,
    caPublicKey: deps.ca.publicKeyLine,
    profile: profile.machine,
    lifetimeSeconds: guestSeconds,
    tunnels: profile.tunnels ?? [],
  };
  const observer: ProvisionObserver = {
    record: (id) => deps.journal.recordId(run.runId, id),
    event: (event) => {
      live.logs.engine.append(event);
    },
    call: recordCalls(live),
    frame: (from, frame) => {
      live.capture ??= openCapture(join(live.folder, STREAMS.capture.file), { fence: deps.assertHeld });
      live.capture.take(from, frame);
    },
    progress: (what) => {
      deps.observe({ type: 'phase_progress', runId: run.runId, phase: 'provisioned', what });
    },
  };
  live.follow(() => deps.driver.streams(run.runId));
  live.sandbox = await deps.driver.provision(request, observer, live.signal);
  if (deps.configuration.refuse_emulated) refuseEmulated(live.sandbox.isolation);
  const { durationMs, ...ended } = live.end('provisioned', since);
  const { stack, engine, isolation, reach } = live.sandbox;
  const summary = `VM up, host key pinned · stack ${stack} (${engine} engine) · isolation: ${isolation} · reach: ${REACH[reach]}`;
  deps.observe({ type: 'phase_ended', ok: true, durationMs, summary, ...ended });
  return 'ready';
};

/** The orchestrator's dead-man switch: whatever the guest or this run's steps do meanwhile, the machine ends. */
async function endOverdue(runId: string, { driver, observe }: Deps): Promise<void> {
  observe({ type: 'notice', runId, text: 'its machine is past its deadline and did not end by itself: ending it' });
  await driver.halt(runId).catch((error: unknown) => {
    observe({ type: 'notice', runId, text: `its machine was not stopped: ${explain(error).got}` });
  });
}

/** Numbered and timed; from the seal on, what the provider does belongs to the burn, whose log takes it (steps/burn.ts). */
function recordCalls(live: LiveRun): (call: ProviderCall) => void {
  let seq = 0;
  return (call) => {
    if (live.onLateCall !== undefined) live.onLateCall(call);
    else live.logs.provider.append({ seq: ++seq, at_ms: Date.now(), ...call });
  };
}

/** Who could open a connection to the guest, in the words of the progress line. */
const REACH: Readonly<Record<SandboxReach, string>> = {
  wire: 'relay only',
  loopback: 'this host',
  'relay-host': 'relay host only',
};

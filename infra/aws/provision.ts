import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import type { EngineEvent, ProvisionObserver, ProvisionRequest, Sandbox } from '../driver.ts';
import { DriverError } from '../error.ts';
import { PROJECT, type RunFolder, runFolderOf, stateDirectory } from '../host/run-folder.ts';
import type { OpenStack } from '../pulumi/stack.ts';
import { isCapacity } from './api/errors.ts';
import { awaitReady } from './console.ts';
import { backendOf, directoryId, expectedInstanceId, stackId } from './ids.ts';
import { type AwsImage, findImage } from './image/find.ts';
import { type NamedIds, nameIds } from './name-ids.ts';
import type { Parts } from './parts.ts';
import { type Placement, type RunInputs, RunOutputs } from './run/inputs.ts';
import { placements, tryPlacements } from './run/placement.ts';

/**
 * See SandboxDriver.provision: the account is checked, folder, stack and "any machine of this run" are in the manifest of ids, then the stack
 * makes group, interface and machine, each named as soon as AWS has named it; READY comes through the control plane.
 */
export async function provision(
  parts: Parts,
  request: ProvisionRequest,
  observer: ProvisionObserver,
  signal: AbortSignal,
): Promise<Sandbox> {
  const { options } = parts;
  const folder = runFolderOf(options, request.runId);
  if (parts.live.has(request.runId)) throw refusal('a run that was not provisioned yet', request.runId);
  if (signal.aborted) throw cancelled(signal.reason);
  observer.progress('asking for the account and the image');
  await parts.checkAccount();
  // Nothing per run is sent into a machine here: where its sshd may forward to is baked in, too.
  const { caPublicKey, tunnels } = request;
  const image = await findImage(parts, { caPublicKey, relayAddress: options.relayAddress, tunnels });
  await observer.record(directoryId(folder));
  await mkdir(folder.workDir, { recursive: true, mode: 0o700 });
  await observer.record(stackId(options, folder));
  await observer.record(expectedInstanceId(options, request.runId, parts.now()));
  const names = nameIds(parts, request.runId, observer);
  const outputs = await bringUp(parts, { request, folder, image, observer, names, signal });
  observer.progress('the guest is booting');
  const ready = await awaitReady(parts, outputs.machineId, folder.streams.console, signal);
  observer.event({ burnbag: 'console', machineId: outputs.machineId, delayMs: consoleDelayMs(ready), ...ready });
  return sandboxOf(parts, folder, { outputs, image, hostKey: ready.hostKey });
}

/** The state holds no secret and dies with the run; nobody will ever need to open it again. */
const PASSPHRASE_BYTES = 32;

interface Plan {
  readonly request: ProvisionRequest;
  readonly folder: RunFolder;
  readonly image: AwsImage;
  readonly observer: ProvisionObserver;
  readonly names: NamedIds;
  readonly signal: AbortSignal;
}

/** One stack, brought up again with the next placement as long as AWS has no room for the last one. */
async function bringUp(parts: Parts, plan: Plan): Promise<RunOutputs> {
  const { options } = parts;
  const { request, observer, names, signal } = plan;
  const turn = Number.parseInt(request.runId.slice(0, 6), 16);
  const candidates = placements(options.choices, turn);
  let placement = candidates[0];
  const stack = await openStack(parts, plan, () => {
    if (placement === undefined) throw refusal('at least one instance type and subnet', 'none');
    return inputsOf(parts, plan, placement);
  });
  parts.live.set(request.runId, stack);
  const onEvent = (event: EngineEvent): void => {
    observer.event(event);
    names.see(event);
  };
  try {
    const outputs = await tryPlacements(
      candidates,
      (chosen) => {
        placement = chosen;
        observer.progress(`starting ${chosen.instanceType}${chosen.spot ? ' at the spot price' : ''}`);
        return stack.up(signal, onEvent);
      },
      (refused, code) => {
        observer.event({ burnbag: 'no_capacity', code, ...refused });
      },
    );
    return RunOutputs.parse(outputs);
  } catch (cause) {
    throw explain(cause, signal);
  } finally {
    await names.recorded();
  }
}

async function openStack({ options, late }: Parts, { folder }: Plan, inputs: () => RunInputs): Promise<OpenStack> {
  const [open, { runProgram }] = await Promise.all([late.openStack(), late.program()]);
  return open({
    name: folder.stack,
    project: PROJECT,
    program: runProgram(inputs),
    backendDir: stateDirectory(options),
    ...(options.stateUrl !== undefined && { backendUrl: backendOf(options) }),
    workDir: folder.workDir,
    engine: options.engine,
    passphrase: randomBytes(PASSPHRASE_BYTES).toString('base64url'),
    providers: options.providers ?? {},
  });
}

function inputsOf({ options, now }: Parts, { request, image }: Plan, placement: Placement): RunInputs {
  const { installationId, accountId, access, vpcId, relayAddress, rootGiB } = options;
  const deadline = new Date(now().getTime() + request.lifetimeSeconds * 1000).toISOString();
  return {
    ...{ runId: request.runId, installationId, accountId, region: access.region, vpcId, relayAddress, rootGiB },
    ...{ imageId: image.id, imageDigest: image.digest, deadline, placement },
  };
}

function sandboxOf(
  { options }: Parts,
  folder: RunFolder,
  made: { readonly outputs: RunOutputs; readonly image: AwsImage; readonly hostKey: string },
): Sandbox {
  const { relayHost, relayAddress, engine } = options;
  const { outputs, image, hostKey } = made;
  return {
    machineId: outputs.machineId,
    address: { host: outputs.address, port: SSH_PORT, ...(relayHost !== undefined && { via: relayHost }) },
    reach: 'relay-host',
    hostKey,
    relaySourceAddress: relayAddress,
    isolation: 'cloud',
    machineNetwork: null,
    engine,
    stack: folder.stack,
    imageDigest: image.digest,
    streams: folder.streams,
    streamsFilledBy: 'relay',
  };
}

const SSH_PORT = 22;

/** What EC2 took to show READY: all the waiting but the guest's own boot. */
function consoleDelayMs({ waitedMs, uptimeSeconds }: { waitedMs: number; uptimeSeconds: number }): number {
  return Math.max(0, Math.round(waitedMs - uptimeSeconds * 1000));
}

/** The engine passes on the provider's text, in which AWS's own codes stand. */
function explain(cause: unknown, signal: AbortSignal): DriverError {
  if (cause instanceof DriverError) return cause;
  if (signal.aborted) return cancelled(signal.reason);
  const got = cause instanceof Error ? cause.message : String(cause);
  const [code, hint] = isCapacity(got)
    ? (['no_capacity', 'add instance types or subnets to aws.choices, or try again later'] as const)
    : (['stack_failed', 'the engine events among the evidence say which step'] as const);
  return new DriverError(code, { expected: 'the stack to come up', got, hint }, { cause });
}

function cancelled(reason: unknown): DriverError {
  return new DriverError(
    'cancelled',
    { expected: 'a run to provision', got: 'a request to stop', hint: 'what exists by now is being destroyed' },
    { cause: reason },
  );
}

function refusal(expected: string, got: string): DriverError {
  return new DriverError('bad_request', { expected, got, hint: 'burn the run first, or mend the configuration' });
}

import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { z } from 'zod';
import type { ProvisionObserver, ProvisionRequest, Sandbox } from '../driver.ts';
import { DriverError } from '../error.ts';
import type { RunContext } from './context.ts';
import { directoryId, stackId } from './ids.ts';
import { findImage } from './image.ts';
import { PROJECT, stateDirectory } from '../host/run-folder.ts';
import { layoutOf } from './layout.ts';
import { isolationBy } from './machine/arguments.ts';
import { probeAcceleration } from './machine/probe.ts';
import type { Parts } from './parts.ts';
import { PATH_MAX_BYTES } from './wire/door.ts';
import type { SandboxInputs } from './program.ts';
import type { LiveRun, RunStack } from './stack.ts';

/** See SandboxDriver.provision: looks at the host, names the folder and the stack, then lets the stack make disk and machine. */
export async function provision(
  parts: Parts,
  request: ProvisionRequest,
  observer: ProvisionObserver,
  signal: AbortSignal,
): Promise<Sandbox> {
  const layout = layoutOf(parts.options, request.runId);
  if (parts.live.has(request.runId)) throw refusal('a run that was not provisioned yet', request.runId);
  if (signal.aborted) throw cancelled(signal.reason);
  observer.progress('preparing the stack');
  const late = loadLate(parts);
  const [, context] = await Promise.all([late, prepare(parts, request, observer, signal)]);
  const { openStack, program, serveRun } = await late;
  await observer.record(directoryId(layout.directory));
  await mkdir(layout.workDir, { recursive: true, mode: 0o700 });
  await observer.record(stackId(parts.options, layout.stack));
  const run: LiveRun = { context, provider: await serveRun(context), stack: undefined };
  parts.live.set(request.runId, run);
  run.stack = await openStack({
    name: layout.stack,
    project: PROJECT,
    program: program.sandboxProgram(inputsOf(request, context), AbortSignal.any([signal, context.unfit.signal])),
    backendDir: stateDirectory(parts.options),
    workDir: layout.workDir,
    engine: parts.options.engine,
    passphrase: randomBytes(PASSPHRASE_BYTES).toString('base64url'),
    providers: { burnbag: run.provider.address },
  }).catch((cause: unknown) => {
    throw explain(context, cause);
  });
  return await up(parts, run, run.stack);
}

/** The state holds no secret and dies with the run; nobody will ever need to open it again. */
const PASSPHRASE_BYTES = 32;
/** The guest's sshd sees every connection come from its virtual router (QEMU user networking). */
const RELAY_SEEN_BY_GUEST = '10.0.2.2';

async function loadLate({ late }: Parts) {
  const [openStack, program, { serveRun }] = await Promise.all([late.openStack(), late.program(), late.provider()]);
  return { openStack, program, serveRun };
}

/** Everything that can be refused before anything exists. */
async function prepare(
  { options, now }: Parts,
  request: ProvisionRequest,
  observer: ProvisionObserver,
  signal: AbortSignal,
): Promise<RunContext> {
  const image = await findImage(options.home, options.imageDigest);
  const { acceleration } = await probeAcceleration(options, image);
  const layout = layoutOf(options, request.runId);
  if (Buffer.byteLength(layout.socket) > PATH_MAX_BYTES) throw tooLong(layout.socket);
  return {
    owner: options,
    layout,
    observer,
    signal,
    image,
    acceleration,
    now,
    scratchKey: undefined,
    machine: undefined,
    unfit: new AbortController(),
  };
}

function inputsOf(
  { runId, profile, lifetimeSeconds, caPublicKey, tunnels }: ProvisionRequest,
  { image }: RunContext,
): SandboxInputs {
  const { memoryMiB, cpus, scratchMiB } = profile;
  return {
    runId,
    memoryMiB,
    cpus,
    diskMiB: scratchMiB,
    lifetimeSeconds,
    caPublicKey,
    tunnels: [...tunnels],
    imageDigest: image.digest,
  };
}

async function up({ options }: Parts, { context }: LiveRun, stack: RunStack): Promise<Sandbox> {
  const { observer, signal, layout, image } = context;
  observer.progress('starting the machine');
  const exported = await stack
    .up(signal, (event) => {
      observer.event(event);
    })
    .then((outputs) => Exported.parse(outputs))
    .catch((cause: unknown) => {
      throw explain(context, cause);
    });
  const { acceleration, ...told } = exported;
  return {
    ...told,
    relaySourceAddress: RELAY_SEEN_BY_GUEST,
    isolation: isolationBy(acceleration),
    engine: options.engine,
    stack: layout.stack,
    imageDigest: image.digest,
    streams: layout.streams,
    streamsFilledBy: 'driver',
  };
}

/** What program.ts exports. */
const Exported = z.object({
  machineId: z.uuid(),
  address: z.union([
    z.strictObject({ path: z.string() }),
    z.strictObject({ host: z.string(), port: z.number().int() }),
  ]),
  reach: z.enum(['wire', 'loopback']),
  machineNetwork: z.enum(['own', 'host']),
  hostKey: z.string().startsWith('ssh-ed25519 '),
  acceleration: z.enum(['kvm', 'tcg']),
});

/** The engine passes on an error's text; what our own resource threw says more. */
function explain({ unfit, signal }: RunContext, cause: unknown): DriverError {
  for (
    let error: unknown = unfit.signal.aborted ? unfit.signal.reason : cause;
    error instanceof Error;
    error = error.cause
  ) {
    if (error instanceof DriverError) return error;
  }
  const got = cause instanceof Error ? cause.message : String(cause);
  const code = signal.aborted ? 'cancelled' : 'stack_failed';
  return new DriverError(
    code,
    { expected: 'the stack to come up', got, hint: 'the engine events among the evidence say which step' },
    { cause },
  );
}

function cancelled(reason: unknown): DriverError {
  return new DriverError(
    'cancelled',
    { expected: 'a run to provision', got: 'a request to stop', hint: 'nothing was begun' },
    { cause: reason },
  );
}

function tooLong(path: string): DriverError {
  return new DriverError('bad_request', {
    expected: `a path of at most ${PATH_MAX_BYTES} bytes, as unix sockets have`,
    got: path,
    hint: 'move the data directory ($BURNBAG_HOME) to a shorter path',
  });
}

function refusal(expected: string, got: string): DriverError {
  return new DriverError('bad_request', { expected, got, hint: 'burn the run first' });
}

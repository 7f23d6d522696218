import { randomInt, randomUUID } from 'node:crypto';
import { spawn } from 'node:child_process';
import { mkdirSync, openSync, rmSync, writeFileSync, closeSync } from 'node:fs';
import { once } from 'node:events';
import { unlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { ConcreteId, SandboxDriver } from '../../infra/driver.ts';
import type { RunContext } from '../../infra/local/context.ts';
import { killByLabel } from '../../infra/local/delete.ts';
import { createDriver } from '../../infra/local/driver.ts';
import { expectedProcessId, fileId, portId, processId } from '../../infra/local/ids.ts';
import { findMachines } from '../../infra/local/bearers.ts';
import { kernelWords } from '../../infra/local/machine/kernel-words.ts';
import { awaitReady } from '../../infra/local/machine/ready.ts';
import type { Late } from '../../infra/local/parts.ts';
import { lookUp } from '../../infra/local/processes.ts';
import type { SandboxInputs } from '../../infra/local/program.ts';
import { diskResource } from '../../infra/local/provider/disk.ts';
import type { OpenStack } from '../../infra/local/stack.ts';
import type { Failpoints } from '../../orchestrator/run/failpoint.ts';
import { DELETIONS } from './real-driver.ts';
import type { FakeMachinePlan } from './fake-machine-plan.ts';

/**
 * The local driver with two parts replaced: the stack is a few files and no Pulumi, the machine a small process and no QEMU. Everything that
 * decides whether something is left is the product's own: layout, manifest, inventory, deletion, observation, the scratch disk.
 *
 * Its machines outlive whoever started them, as a cloud's would, unless `boundToOwner`: whatever a crash leaves is left for the burn.
 */
export function createFakeDriver(options: FakeDriverOptions): SandboxDriver {
  const { home, installationId, failpoints } = options;
  const contexts = new Map<string, RunContext>();
  const late: Late = {
    openStack: () => Promise.resolve(fakeStack(options, contexts)),
    // The stack below takes the inputs out of the program: there is no Pulumi to run it.
    program: () =>
      Promise.resolve({ sandboxProgram: (inputs: SandboxInputs) => () => Promise.resolve({ ...inputs }) } as never),
    provider: () =>
      Promise.resolve({
        serveRun: (context: RunContext) => {
          contexts.set(context.layout.stack, context);
          return Promise.resolve({ address: '127.0.0.1:1', close: () => undefined });
        },
      }),
  };
  const aroundDeletion = <T>(kind: ConcreteId['kind'], work: () => Promise<T>): Promise<T> => {
    const step = DELETIONS[kind];
    return step === undefined ? work() : failpoints.around(step, work);
  };
  const driver = createDriver({ home, installationId, engine: 'embedded', aroundDeletion }, late);
  return {
    ...driver,
    halt: (runId) => failpoints.around('killed', () => driver.halt(runId)),
    // No router between: the machine sees the relay where it is.
    provision: async (...asked) => ({ ...(await driver.provision(...asked)), relaySourceAddress: '127.0.0.1' }),
  };
}

export interface FakeDriverOptions {
  readonly home: string;
  readonly installationId: string;
  readonly failpoints: Failpoints;
  readonly plan: FakeMachinePlan;
  /** Stands in the manifest of ids in place of the machine, as of an earlier boot of the host. */
  readonly stalePid?: number;
  /** Ends the machine when its owner ends, as the product's own confinement does. */
  readonly boundToOwner?: boolean;
}

const EARLIER_BOOT = '00000000-0000-4000-8000-000000000000';
const LOOPBACK = '127.0.0.1';
/** A process that starts, on a machine as busy as it may be. */
const BOOT_LIMIT_MS = 60_000;
const MACHINE = join(import.meta.dirname, 'fake-machine.ts');

function fakeStack(options: FakeDriverOptions, contexts: Map<string, RunContext>): OpenStack {
  const { around } = options.failpoints;
  return ({ name, project, program, backendDir }) => {
    const context = contexts.get(name);
    if (context === undefined) throw new Error('expected the provider to be served first');
    const root = join(backendDir, '.pulumi');
    const lock = join(root, 'locks/organization', project, name);
    const state = join(root, 'stacks', project, `${name}.json`);
    return Promise.resolve({
      up: async () => {
        const inputs = (await program()) as unknown as SandboxInputs;
        await around('stack_created', () => writeState(lock, state));
        await around('disk', () => diskResource(context).create({ runId: inputs.runId, sizeMiB: inputs.diskMiB }));
        return bootMachine(options, context, inputs);
      },
      destroy: async () => {
        await around('killed', () => killByLabel(context.layout));
        await around('disk_gone', () => unlink(context.layout.disk));
      },
      remove: () =>
        around('stack_gone', () => {
          rmSync(state);
          rmSync(lock, { recursive: true });
          return Promise.resolve();
        }),
      terminate: () => undefined,
    });
  };
}

/**
 * A port that nobody listens on now, and none of those that the kernel gives to outgoing connections and to servers that ask for any
 * (32768 and more, ip(7)): the machine listens half a second later, and the other tests open hundreds meanwhile.
 */
async function choosePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries += 1) {
    const port = randomInt(10_000, 32_768);
    await using server = createServer().listen(port, LOOPBACK);
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (isFree) return port;
  }
  throw new Error('expected a free port from 10000 to 32767, got 100 that are taken');
}

/** As Pulumi leaves it while it works: locked, an operation pending. */
function writeState(lock: string, state: string): Promise<void> {
  mkdirSync(lock, { recursive: true });
  mkdirSync(join(state, '..'), { recursive: true });
  writeFileSync(join(lock, `${randomUUID()}.json`), JSON.stringify({ pid: process.pid }));
  writeFileSync(
    state,
    JSON.stringify({ version: 3, checkpoint: { latest: { pending_operations: [{ type: 'creating' }] } } }),
  );
  return Promise.resolve();
}

/** In the order of infra/local/boot.ts: named, started, its pid named, awaited. */
async function bootMachine(options: FakeDriverOptions, context: RunContext, inputs: SandboxInputs) {
  const { layout, observer, signal, owner } = context;
  const { around } = options.failpoints;
  const machineId = randomUUID();
  for (const file of [layout.machineLog, ...Object.values(layout.streams)]) await observer.record(fileId(file));
  await observer.record(expectedProcessId(layout.label, machineId));
  const port = await choosePort();
  await observer.record(portId(port, layout.label));
  const pid = await around('process_spawned', () =>
    Promise.resolve(spawnMachine(options, context, inputs, machineId, port)),
  );
  const process = await lookUp(options.stalePid ?? pid);
  if (process !== undefined) {
    const id = await processId(process, layout.label, machineId);
    const isStale = options.stalePid !== undefined;
    await observer.record(isStale ? { ...id, detail: { ...id.detail, boot_id: EARLIER_BOOT } } : id);
  }
  const gone = async (): Promise<boolean> => !(await findMachines(owner)).some(({ run }) => run === layout.runId);
  let ended: { exitCode: null; signal: null } | undefined;
  const watch = setInterval(
    () => void gone().then((is) => (ended = is ? { exitCode: null, signal: null } : undefined)),
    50,
  );
  try {
    const wait = { consoleFile: layout.streams.console, machineId, deadlineMs: BOOT_LIMIT_MS, signal };
    const ready = await around('boot', () =>
      awaitReady({ ...wait, ended: () => ended, machineLog: () => Promise.resolve('') }),
    );
    const address = { host: '127.0.0.1', port };
    const where = { address, reach: 'loopback', machineNetwork: 'host' };
    return { machineId, ...where, hostKey: ready.hostKey, acceleration: 'kvm' };
  } catch (error) {
    context.unfit.abort(error);
    throw error;
  } finally {
    clearInterval(watch);
  }
}

function spawnMachine(
  { plan, boundToOwner = false }: FakeDriverOptions,
  context: RunContext,
  inputs: SandboxInputs,
  machineId: string,
  port: number,
): number {
  const { layout, acceleration, now } = context;
  const words = kernelWords(
    { ...inputs, machineId, nowSeconds: Math.floor(now().getTime() / 1000) },
    acceleration,
    undefined,
  );
  const argv = [
    '-name',
    layout.label,
    '-uuid',
    machineId,
    '-netdev',
    `user,id=net,hostfwd=tcp:127.0.0.1:${port}-:22`,
    '-append',
    words,
  ];
  const command = [process.execPath, MACHINE, ...argv, '-plan', JSON.stringify(plan)];
  const [program = '', ...args] = boundToOwner ? ['setpriv', '--pdeathsig=KILL', '--', ...command] : command;
  const { console, audit, sshd, executor } = layout.streams;
  const files = [layout.machineLog, console, audit, sshd, executor, layout.disk].map((path) =>
    openSync(path, 'a', 0o600),
  );
  const [log = 'ignore', ...streams] = files;
  const cache = process.env['NODE_COMPILE_CACHE'];
  const child = spawn(program, args, {
    stdio: ['ignore', log, log, ...streams],
    env: { PATH: '/usr/bin:/bin', ...(cache !== undefined && { NODE_COMPILE_CACHE: cache }) },
    detached: true,
  });
  child.on('error', () => undefined).unref();
  for (const file of files) closeSync(file);
  if (child.pid === undefined) throw new Error(`expected ${program} to start`);
  return child.pid;
}

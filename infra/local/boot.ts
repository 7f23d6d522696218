import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { DriverError } from '../error.ts';
import type { RunContext } from './context.ts';
import { expectedProcessId, fileId, portId, processId } from './ids.ts';
import { findMachines, portOf, type FoundMachine } from './inventory.ts';
import { kernelWords, readTscKhz } from './machine/kernel-words.ts';
import { choosePort } from './machine/port.ts';
import { awaitReady, type Ready } from './machine/ready.ts';
import { spawnMachine, type MachineEnd } from './machine/spawn.ts';
import { optionOf, type Process } from './processes.ts';
import type { MachineInputs } from './provider/inputs.ts';
import { InitFailed, type Created } from './provider/resource.ts';
import { diskBytes } from './scratch/disk.ts';

/**
 * Makes the run's machine and waits until it says READY. A machine of this run that lives already is taken over instead.
 *
 * Order, so that whatever dies leaves nothing unnamed: the files, the port and the label are in the manifest of ids, then QEMU
 * starts, then its pid and start time are; and from the moment it started, failure says so by InitFailed.
 */
export async function bootMachine(context: RunContext, inputs: MachineInputs): Promise<Created> {
  const living = (await findMachines(context.owner)).find(({ run }) => run === context.layout.runId);
  if (living !== undefined) return takeOver(context, inputs, living);
  const machineId = randomUUID();
  await recordIntent(context, machineId);
  for (let attempt = 1; ; attempt++) {
    try {
      return await bootOnce(context, inputs, machineId);
    } catch (error) {
      const taken =
        error instanceof InitFailed && error.cause instanceof DriverError && error.cause.code === 'port_taken';
      if (!taken || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}

/** Another program would have to take the chosen port within milliseconds, this many times. */
const PORT_ATTEMPTS = 4;
/** Ten times what a boot takes on an idle host of each kind. */
const BOOT_LIMIT_MS = { kvm: 15_000, tcg: 60_000 } as const;

async function recordIntent({ layout, observer }: RunContext, machineId: string): Promise<void> {
  const files = [layout.machineLog, ...Object.values(layout.streams)];
  await Promise.all(
    [expectedProcessId(layout.label, machineId), ...files.map(fileId)].map((id) => observer.record(id)),
  );
}

async function bootOnce(context: RunContext, inputs: MachineInputs, machineId: string): Promise<Created> {
  const { layout, observer, acceleration, image, now, scratchKey } = context;
  if (scratchKey === undefined) throw new Error('the scratch disk comes first');
  const port = await choosePort();
  await observer.record(portId(port, layout.label));
  const run = { ...inputs, machineId, nowSeconds: Math.floor(now().getTime() / 1000) };
  const words = kernelWords(run, acceleration, await readTscKhz());
  const { memoryMiB, cpus } = inputs;
  const shape = { memoryMiB, cpus, scratchBytes: diskBytes(inputs.diskMiB) };
  const machine = await spawnMachine({
    layout,
    image,
    machineId,
    acceleration,
    port,
    kernelWords: words,
    scratchKey,
    ...shape,
  });
  const outputs = outputsOf(context, inputs, { machineId, port, process: machine.process });
  try {
    await observer.record(await processId(machine.process, layout.label, machineId));
    observer.progress('the guest is booting');
    let end: MachineEnd | undefined;
    void machine.ended.then((value) => (end = value));
    const ready = await waitFor(context, machineId, () => end);
    return { id: machineId, outputs: { ...outputs, ...factsOf(ready) } };
  } catch (cause) {
    throw new InitFailed(machineId, outputs, cause);
  } finally {
    await machine.burnKey();
  }
}

/** The caller died, or gave up, between the machine's start and its own note of it. */
async function takeOver(context: RunContext, inputs: MachineInputs, { process }: FoundMachine): Promise<Created> {
  const [machineId, port] = [optionOf(process.argv, '-uuid') ?? '', portOf(process.argv) ?? 0];
  const outputs = outputsOf(context, inputs, { machineId, port, process });
  try {
    const gone: MachineEnd = { exitCode: null, signal: null };
    const ready = await waitFor(context, machineId, () => (existsSync(`/proc/${process.pid}`) ? undefined : gone));
    return { id: machineId, outputs: { ...outputs, ...factsOf(ready) } };
  } catch (cause) {
    throw new InitFailed(machineId, outputs, cause);
  }
}

async function waitFor(
  { layout, acceleration, signal }: RunContext,
  machineId: string,
  ended: () => MachineEnd | undefined,
): Promise<Ready> {
  const deadlineMs = BOOT_LIMIT_MS[acceleration];
  const machineLog = (): Promise<string> => readFile(layout.machineLog, 'latin1');
  return awaitReady({ consoleFile: layout.streams.console, machineId, deadlineMs, signal, ended, machineLog });
}

function outputsOf(
  { acceleration }: RunContext,
  inputs: MachineInputs,
  made: { readonly machineId: string; readonly port: number; readonly process: Pick<Process, 'pid' | 'startTime'> },
): Readonly<Record<string, unknown>> {
  const { machineId, port, process } = made;
  return { ...inputs, machineId, port, pid: process.pid, startTime: process.startTime, acceleration };
}

function factsOf({ hostKey, uptimeSeconds }: Ready): Readonly<Record<string, unknown>> {
  return { hostKey, uptimeSeconds };
}

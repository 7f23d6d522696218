import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { RunContext, RunMachine } from './context.ts';
import { killByLabel } from './delete.ts';
import { expectedProcessId, fileId, processId, socketId } from './ids.ts';
import { kernelWords, readTscKhz } from './machine/kernel-words.ts';
import { awaitReady, type Ready } from './machine/ready.ts';
import { spawnMachine, type MachineEnd } from './machine/spawn.ts';
import type { MachineInputs } from './provider/inputs.ts';
import { InitFailed, type Created } from './provider/resource.ts';
import { diskBytes } from './scratch/disk.ts';
import { openDoor } from './wire/door.ts';
import { Wire } from './wire/wire.ts';

/**
 * Makes the run's machine and waits until it says READY. Asked again, it waits for the machine it has made already.
 *
 * Order, so that whatever dies leaves nothing unnamed: the files, the socket and the label are in the manifest of ids, then QEMU
 * starts, then its pid and start time are; and from the moment it started, failure says so by InitFailed.
 */
export async function bootMachine(context: RunContext, inputs: MachineInputs): Promise<Created> {
  if (context.machine !== undefined) return waitFor(context, inputs, context.machine);
  // One that another process of ours started can only be dying, with its owner; and nobody holds its cable.
  await killByLabel(context.layout);
  const machineId = randomUUID();
  await recordIntent(context, machineId);
  const { machine, burnKey } = await start(context, inputs, machineId);
  context.machine = machine;
  try {
    await context.observer.record(await processId(machine.process, context.layout.label, machineId));
    await openDoor(machine.wire, context.layout.socket);
    context.observer.progress('the guest is booting');
    return await waitFor(context, inputs, machine);
  } catch (cause) {
    throw cause instanceof InitFailed ? cause : new InitFailed(machineId, outputsOf(context, inputs, machine), cause);
  } finally {
    await burnKey();
  }
}

/** Ten times what a boot takes on an idle host of each kind. */
const BOOT_LIMIT_MS = { kvm: 15_000, tcg: 60_000 } as const;

async function recordIntent({ layout, observer }: RunContext, machineId: string): Promise<void> {
  const files = [layout.machineLog, ...Object.values(layout.streams)].map(fileId);
  const ids = [expectedProcessId(layout.label, machineId), socketId(layout.socket), ...files];
  await Promise.all(ids.map((id) => observer.record(id)));
}

async function start(
  { layout, acceleration, image, now, scratchKey, observer }: RunContext,
  inputs: MachineInputs,
  machineId: string,
): Promise<{ readonly machine: RunMachine; readonly burnKey: () => Promise<void> }> {
  if (scratchKey === undefined) throw new Error('the scratch disk comes first');
  const run = { ...inputs, machineId, nowSeconds: Math.floor(now().getTime() / 1000) };
  const words = kernelWords(run, acceleration, await readTscKhz());
  const shape = { memoryMiB: inputs.memoryMiB, cpus: inputs.cpus, scratchBytes: diskBytes(inputs.diskMiB) };
  const request = { layout, image, machineId, acceleration, kernelWords: words, scratchKey, ...shape };
  const { process, network, cable, ended, burnKey } = await spawnMachine(request);
  let end: MachineEnd | undefined;
  void ended.then((value) => (end = value));
  const wire = new Wire(cable, (from, frame) => observer.frame?.(from, frame));
  return { machine: { machineId, process, network, wire, end: () => end }, burnKey };
}

async function waitFor(context: RunContext, inputs: MachineInputs, machine: RunMachine): Promise<Created> {
  const { layout, acceleration, signal } = context;
  const outputs = outputsOf(context, inputs, machine);
  try {
    const { hostKey, uptimeSeconds }: Ready = await awaitReady({
      consoleFile: layout.streams.console,
      machineId: machine.machineId,
      deadlineMs: BOOT_LIMIT_MS[acceleration],
      signal,
      ended: machine.end,
      machineLog: () => readFile(layout.machineLog, 'latin1'),
    });
    return { id: machine.machineId, outputs: { ...outputs, hostKey, uptimeSeconds } };
  } catch (cause) {
    throw new InitFailed(machine.machineId, outputs, cause);
  }
}

function outputsOf(
  { acceleration, layout }: RunContext,
  inputs: MachineInputs,
  { machineId, process, network }: RunMachine,
): Readonly<Record<string, unknown>> {
  const { pid, startTime } = process;
  const address = { path: layout.socket };
  return { ...inputs, machineId, address, reach: 'wire', machineNetwork: network, pid, startTime, acceleration };
}

import type { ConcreteId } from '../driver.ts';
import { stateDirectory, type Owner } from '../host/run-folder.ts';
import { readBootId, type Process } from './processes.ts';

/** A process that is about to be: its pid is not known yet, its label is. */
export function expectedProcessId(label: string, machineId: string): ConcreteId {
  return { kind: 'process', id: machineId, detail: { label, machine_id: machineId } };
}

/** A process that is. Pid and start time together are never reused within one boot of the host. */
export async function processId(
  process: Pick<Process, 'pid' | 'startTime'>,
  label: string,
  machineId: string,
): Promise<ConcreteId> {
  const { pid, startTime } = process;
  const detail = { pid: String(pid), start_time: startTime, boot_id: await readBootId(), label, machine_id: machineId };
  return { kind: 'process', id: `${pid}@${startTime}`, detail };
}

/** The forwarded port, on loopback. */
export function portId(port: number, label: string): ConcreteId {
  return { kind: 'port', id: `127.0.0.1:${port}`, detail: { port: String(port), label } };
}

/** The scratch disk's file. */
export function diskId(path: string): ConcreteId {
  return { kind: 'disk', id: path, detail: { format: 'luks1' } };
}

/** One file of the run. */
export function fileId(path: string): ConcreteId {
  return { kind: 'file', id: path, detail: {} };
}

/** One socket of the run. */
export function socketId(path: string): ConcreteId {
  return { kind: 'socket', id: path, detail: {} };
}

/** The run's folder, or one in it. */
export function directoryId(path: string): ConcreteId {
  return { kind: 'directory', id: path, detail: {} };
}

/** The run's stack in Pulumi's file backend. */
export function stackId(owner: Owner, stack: string): ConcreteId {
  return { kind: 'stack', id: stack, detail: { backend: stateDirectory(owner) } };
}

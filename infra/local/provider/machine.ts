import { bootMachine } from '../boot.ts';
import type { RunContext } from '../context.ts';
import { killByLabel } from '../delete.ts';
import { lookUp } from '../processes.ts';
import { checkWith } from './check.ts';
import { MachineInputs } from './inputs.ts';
import type { Resource } from './resource.ts';

/** `burnbag:local:Machine`: one QEMU. Made when its guest has said READY; gone when the kernel says so. Its id is the machine id. */
export function machineResource(context: RunContext): Resource<MachineInputs> {
  return {
    check: checkWith(MachineInputs),
    create: (inputs) => bootMachine(context, inputs),
    read: async (_id, state) =>
      (await lookUp(Number(state['pid'])))?.startTime === state['startTime'] ? state : undefined,
    delete: async () => {
      await killByLabel(context.layout);
    },
  };
}

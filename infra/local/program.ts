import * as pulumi from '@pulumi/pulumi';
import type { MachineInputs } from './provider/inputs.ts';

/** What the run's program is told; see the resources' own inputs. */
export type SandboxInputs = Omit<MachineInputs, 'diskId'>;

/** What the program exports, by name. */
export const OUTPUTS = ['machineId', 'address', 'reach', 'machineNetwork', 'hostKey', 'acceleration'] as const;

/**
 * The Pulumi program of one run: a component with a scratch disk and a machine, all from the provider of this run.
 *
 * An output of a resource that was never made stays pending for ever, and a program that exports one never ends: so each export
 * is given up when `stopped` aborts, and a failed run is over at once.
 */
export function sandboxProgram(inputs: SandboxInputs, stopped: AbortSignal): () => Promise<Record<string, unknown>> {
  return () => {
    const provider = new LocalProvider('local');
    const { machine } = new Sandbox('sandbox', inputs, { providers: [provider] });
    return Promise.resolve(Object.fromEntries(OUTPUTS.map((name) => [name, orNothing(machine[name], stopped)])));
  };
}

async function orNothing(output: pulumi.Output<unknown>, stopped: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => {
    const giveUp = (): void => {
      resolve(undefined);
    };
    if (stopped.aborted) giveUp();
    stopped.addEventListener('abort', giveUp, { once: true });
    output.apply(resolve);
  });
}

class LocalProvider extends pulumi.ProviderResource {
  constructor(name: string) {
    super('burnbag', name);
  }
}

/** Everything of one run, so that a person sees one thing in Pulumi's own tools. */
class Sandbox extends pulumi.ComponentResource {
  readonly machine: Machine;

  constructor(name: string, inputs: SandboxInputs, options: pulumi.ComponentResourceOptions) {
    super('burnbag:local:Sandbox', name, {}, options);
    const disk = new Disk('scratch', { runId: inputs.runId, sizeMiB: inputs.diskMiB }, { parent: this });
    this.machine = new Machine('machine', { ...inputs, diskId: disk.id }, { parent: this });
    this.registerOutputs();
  }
}

class Disk extends pulumi.CustomResource {
  constructor(name: string, inputs: pulumi.Inputs, options: pulumi.CustomResourceOptions) {
    super('burnbag:local:Disk', name, inputs, options);
  }
}

class Machine extends pulumi.CustomResource {
  declare readonly machineId: pulumi.Output<unknown>;
  declare readonly address: pulumi.Output<unknown>;
  declare readonly reach: pulumi.Output<unknown>;
  declare readonly machineNetwork: pulumi.Output<unknown>;
  declare readonly hostKey: pulumi.Output<unknown>;
  declare readonly acceleration: pulumi.Output<unknown>;

  constructor(name: string, inputs: pulumi.Inputs, options: pulumi.CustomResourceOptions) {
    const outputs = Object.fromEntries(OUTPUTS.map((output) => [output, undefined]));
    super('burnbag:local:Machine', name, { ...inputs, ...outputs }, options);
  }
}

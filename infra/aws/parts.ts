import type { OpenStack as OpenedStack } from '../pulumi/stack.ts';
import type { AwsClients } from './api/clients.ts';
import type { AwsDriverOptions, Waits } from './options.ts';
import type { RemoteState } from './remote-state.ts';
import type { RunInputs } from './run/inputs.ts';

/** Loads the parts that cost: Pulumi's SDK and its aws package take a second. */
export interface Late {
  readonly openStack: () => Promise<typeof import('../pulumi/stack.ts').openStack>;
  readonly program: () => Promise<{
    readonly runProgram: (inputs: () => RunInputs) => () => Promise<Record<string, unknown>>;
  }>;
}

/** What provision, burn and the inventory share. `live` holds the stacks this process has open. */
export interface Parts {
  readonly options: AwsDriverOptions;
  readonly waits: Waits;
  readonly late: Late;
  readonly clients: AwsClients;
  readonly checkAccount: () => Promise<void>;
  /** Where the stacks' state is, if not in the data directory. */
  readonly remoteState?: RemoteState;
  readonly now: () => Date;
  readonly live: Map<string, OpenedStack>;
  /** Runs of this process whose every launch was answered for: "not found" is believed at once. */
  readonly settled: Set<string>;
}

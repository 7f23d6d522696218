import type { Observation, SandboxDriver } from '../driver.ts';
import { DriverError } from '../error.ts';
import { isAbsence } from '../host/looks/found.ts';
import { runFolderOf } from '../host/run-folder.ts';
import { access } from 'node:fs/promises';
import { accountCheck } from './account.ts';
import { openClients } from './api/clients.ts';
import { burn } from './burn.ts';
import { backendOf, expectedInstanceId } from './ids.ts';
import { interruptionOf } from './interruption.ts';
import { takeInventory } from './inventory/find.ts';
import { look } from './inventory/look.ts';
import { removeFromAws } from './inventory/remove.ts';
import { type AwsDriverOptions, WAITS } from './options.ts';
import type { Late, Parts } from './parts.ts';
import { provision } from './provision.ts';
import { openRemoteState } from './remote-state.ts';

/** A driver that can get ready while its caller does something else, and that has connections to let go of. */
export interface AwsDriver extends SandboxDriver {
  /** Loads what takes long (Pulumi's SDK). Never rejects: provision says what is wrong. */
  warm(): Promise<void>;
  interruption(runId: string): Promise<string | undefined>;
  close(): Promise<void>;
}

/** EC2. See infra/README.md for what is where. */
export function createDriver(options: AwsDriverOptions, late: Late): AwsDriver {
  const now = options.now ?? ((): Date => new Date());
  const clients = openClients(options.access);
  const parts: Parts = {
    ...{ options, late, clients, now },
    waits: { ...WAITS, ...options.waits },
    checkAccount: accountCheck(clients, options),
    ...(options.stateUrl !== undefined && { remoteState: openRemoteState(options.access, backendOf(options)) }),
    live: new Map(),
    settled: new Set(),
  };
  return {
    name: 'aws',
    provision: (request, observer, signal) => provision(parts, request, observer, signal),
    destroy: (runId, manifest, onEvent) => burn(parts, runId, manifest, onEvent),
    // On EC2 the end of a machine is the end of its disk; what it wrote that matters has left it by then.
    halt: async (runId) => {
      await removeFromAws(parts, runId, expectedInstanceId(options, runId, now()));
    },
    streams: async (runId) => {
      const { directory, streams } = runFolderOf(options, runId);
      return (await exists(directory)) ? streams : undefined;
    },
    observe: async (id, turn): Promise<Observation> => ({
      ...(await look(parts, id, turn).catch(cannotTell)),
      at: now().toISOString(),
    }),
    inventory: (runId) => takeInventory(parts, runId),
    interruption: (runId) => interruptionOf(parts, runId),
    warm: async () => {
      await Promise.allSettled([late.openStack(), late.program()]);
    },
    close: () => {
      clients.close();
      parts.remoteState?.close();
      return Promise.resolve();
    },
  };
}

/** Only "not there" means no: anything else the collector shall run into and say. */
function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    (error: unknown) => !isAbsence(error),
  );
}

/** Whatever keeps us from looking is no absence. */
function cannotTell(cause: unknown): never {
  if (cause instanceof DriverError) throw cause;
  throw new DriverError(
    'cannot_tell',
    {
      expected: 'to learn whether it exists',
      got: cause instanceof Error ? cause.message : String(cause),
      hint: 'mend what kept us from looking, then burn the run again',
    },
    { cause },
  );
}

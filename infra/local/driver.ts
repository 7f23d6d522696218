import { access } from 'node:fs/promises';
import type { Observation, SandboxDriver } from '../driver.ts';
import { burn } from './burn.ts';
import { killByLabel } from './delete.ts';
import { takeInventory } from './inventory.ts';
import { layoutOf } from './layout.ts';
import { isAbsence } from '../host/looks/found.ts';
import { look } from './observe.ts';
import { isolationBy } from './machine/arguments.ts';
import type { Late, LocalDriverOptions, Parts } from './parts.ts';
import { provision } from './provision.ts';
import type { LiveRun } from './stack.ts';

/** A driver that can get ready while its caller does something else. */
export interface LocalDriver extends SandboxDriver {
  /** Loads what takes long (Pulumi's SDK) and decides between KVM and emulation. Never rejects: provision says what is wrong. */
  warm(): Promise<void>;
}

/** QEMU on this host. See infra/README.md for what is where. */
export function createDriver(options: LocalDriverOptions, late: Late): LocalDriver {
  const now = options.now ?? ((): Date => new Date());
  const live = new Map<string, LiveRun>();
  const parts: Parts = { options, late, now, live };
  return {
    name: 'local',
    provision: (request, observer, signal) => provision(parts, request, observer, signal),
    destroy: (runId, manifest, onEvent) => burn(parts, runId, manifest, onEvent),
    halt: async (runId) => {
      await killByLabel(layoutOf(options, runId));
    },
    letGo: (runId) => {
      const run = live.get(runId);
      live.delete(runId);
      run?.stack?.terminate();
      run?.provider.close();
    },
    streams: async (runId) => {
      const { directory, streams } = layoutOf(options, runId);
      return (await exists(directory)) ? streams : undefined;
    },
    observe: async (id, turn): Promise<Observation> => ({
      ...(await look(options, id, turn)),
      at: now().toISOString(),
    }),
    inventory: (runId) => takeInventory(options, runId),
    isolation: async () => isolationBy((await probe(options)).acceleration),
    warm: async () => {
      await Promise.allSettled([late.openStack(), late.program(), late.provider(), probe(options)]);
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

async function probe(options: LocalDriverOptions) {
  const [{ findImage }, { probeAcceleration }] = await Promise.all([
    import('./image.ts'),
    import('./machine/probe.ts'),
  ]);
  return probeAcceleration(options, await findImage(options.home, options.imageDigest));
}

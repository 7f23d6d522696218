import type { ConcreteId, SandboxDriver } from '../../infra/driver.ts';
import { createLocalDriver } from '../../infra/index.ts';
import type { FailpointName, Failpoints } from '../../orchestrator/run/failpoint.ts';

/**
 * The product's own driver with failpoints where it can be seen from outside: when it names what it is about to make, when the machine is up,
 * when something is deleted.
 */
export function createRealDriver({ failpoints, ...owner }: RealDriverOptions): SandboxDriver {
  const { around } = failpoints;
  const aroundDeletion = <T>(kind: ConcreteId['kind'], work: () => Promise<T>): Promise<T> => {
    const step = DELETIONS[kind];
    return step === undefined ? work() : around(step, work);
  };
  const driver = createLocalDriver({ ...owner, engine: 'embedded', aroundDeletion });
  return {
    ...driver,
    provision: (request, observer, signal) => {
      const record = (id: ConcreteId): Promise<void> => {
        const step = 'pid' in id.detail ? undefined : NAMED[id.kind];
        return step === undefined ? observer.record(id) : around(step, () => observer.record(id));
      };
      return around('boot', () => driver.provision(request, { ...observer, record }, signal));
    },
  };
}

export interface RealDriverOptions {
  readonly home: string;
  readonly installationId: string;
  readonly failpoints: Failpoints;
}

/** By what is named right before. */
const NAMED: Partial<Record<ConcreteId['kind'], FailpointName>> = {
  stack: 'stack_created',
  disk: 'disk',
  process: 'process_spawned',
};

/** What the burn of a run goes through, by the kind of what is deleted. */
export const DELETIONS: Partial<Record<ConcreteId['kind'], FailpointName>> = {
  process: 'killed',
  disk: 'disk_gone',
  stack: 'stack_gone',
};

import type { ConcreteId } from '../driver.ts';
import type { Owner } from '../host/run-folder.ts';
import type { LiveRun, OpenStack } from './stack.ts';

/** What the driver is built from. */
export interface LocalDriverOptions extends Owner {
  /** What executes the Pulumi program. */
  readonly engine: 'embedded' | 'cli';
  /** An image of the data directory other than the current one, by the first digits of its digest. */
  readonly imageDigest?: string;
  /** The clock; the system's by default. */
  readonly now?: () => Date;
  /** Tests make a deletion fail, or the process die around it. */
  readonly aroundDeletion?: <T>(kind: ConcreteId['kind'], work: () => Promise<T>) => Promise<T>;
}

/** Loads the parts that cost: half a second, once. */
export interface Late {
  readonly openStack: () => Promise<OpenStack>;
  readonly program: () => Promise<typeof import('./program.ts')>;
  readonly provider: () => Promise<typeof import('./provider/index.ts')>;
}

/** What provision and burn share. `live` holds the runs this process provisioned and has not burnt yet. */
export interface Parts {
  readonly options: LocalDriverOptions;
  readonly late: Late;
  readonly now: () => Date;
  readonly live: Map<string, LiveRun>;
}

import { createHash } from 'node:crypto';
import type { TestRig } from './run/failpoint.ts';

/** What the process was started with, read once in main.ts; nothing else reads the environment. */
export interface Environment {
  /** The data directory, absolute. */
  readonly home: string;
  /** The checkout, absolute. */
  readonly root: string;
  /** Who asks, for the record: user@host of this process. */
  readonly requester: string;
  readonly databaseUrl?: string | undefined;
  /** The whole environment, for the tools that setup starts and for the AWS SDK's own variables. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Only a test's own entry point has one. */
  readonly rig?: TestRig;
}

/** Tells this data directory's machines and units from another's on the same host, without telling where it lies. */
export function installationId(home: string): string {
  return createHash('sha256').update(home).digest('hex').slice(0, 12);
}

import { createDriver, type LocalDriver } from './local/driver.ts';
import type { LocalDriverOptions } from './local/parts.ts';

export { DriverError, type DriverErrorCode } from './error.ts';
export type { LocalDriver } from './local/driver.ts';
export type { LocalDriverOptions } from './local/parts.ts';

/** The driver that boots sandboxes with QEMU on this host. Cheap to make: Pulumi is imported when it is first needed, or on `warm`. */
export function createLocalDriver(options: LocalDriverOptions): LocalDriver {
  return createDriver(options, {
    openStack: once(async () => (await import('./pulumi/stack.ts')).openStack),
    program: once(() => import('./local/program.ts')),
    provider: once(() => import('./local/provider/index.ts')),
  });
}

function once<T>(load: () => Promise<T>): () => Promise<T> {
  let loading: Promise<T> | undefined;
  return () => (loading ??= load());
}

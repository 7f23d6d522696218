import type { LookAt } from './found.ts';
import { LOOKS_BY_PATH } from './path.ts';
import { lookAtStackFiles, lookForStack } from './stack.ts';

/** How to look for what a run has on this host whatever its driver, by the kind of the id; undefined for what only one driver has. */
export function looksForKept(kind: string): readonly LookAt[] | undefined {
  return LOOKS.get(kind);
}

const LOOKS: ReadonlyMap<string, readonly LookAt[]> = new Map<string, readonly LookAt[]>([
  ['directory', LOOKS_BY_PATH],
  ['socket', LOOKS_BY_PATH],
  ['stack', [lookForStack, lookAtStackFiles]],
]);

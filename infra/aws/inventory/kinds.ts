import { GROUPS } from './groups.ts';
import { INSTANCES } from './instances.ts';
import { INTERFACES } from './interfaces.ts';
import type { AwsKind, Kind } from './kind.ts';
import { ADDRESSES, KEY_PAIRS, SNAPSHOTS } from './others.ts';
import { VOLUMES } from './volumes.ts';

/** Every kind a run may have, in the order they can be deleted: what holds another comes first. */
export const KINDS: readonly Kind[] = [INSTANCES, VOLUMES, ADDRESSES, INTERFACES, GROUPS, SNAPSHOTS, KEY_PAIRS];

/** The kind of an id of a manifest; undefined for what does not live in AWS. */
export function kindOf(name: string): Kind | undefined {
  return KINDS.find(({ kind }) => kind === (name as AwsKind));
}

import { readFile, stat } from 'node:fs/promises';
import type { Acceleration } from './arguments.ts';
import type { Identity } from './confinement.ts';

/**
 * Who QEMU runs as. Started by root, each machine gets a user id of its own, so that one that breaks out of QEMU can neither signal,
 * trace nor read another; `nobody` would be shared with every other service that uses it. The ids lie in a range nobody hands out
 * (above systemd's containers, below the sign bit) and need no entry in /etc/passwd. Where the range is not mapped into our user
 * namespace, `nobody` has to do. Started by a user, QEMU stays that user.
 */
export async function chooseIdentity(runId: string, acceleration: Acceleration): Promise<Identity> {
  if (process.getuid?.() !== 0) return { uid: undefined, groups: [] };
  const uid = chooseUid(runId, await readFile('/proc/self/uid_map', 'utf8'));
  return { uid, groups: acceleration === 'kvm' ? await kvmGroups() : [] };
}

/** See chooseIdentity: a user id out of the run id, if the map of our namespace (user_namespaces(7)) has it. */
export function chooseUid(runId: string, uidMap: string): number {
  const own = FIRST_UID + (Number.parseInt(runId.slice(0, 7), 16) % UID_COUNT);
  return isMapped(own, uidMap) ? own : NOBODY;
}

const FIRST_UID = 0x7000_0000;
const UID_COUNT = 0x0ffe_0000;
const NOBODY = 65_534;

function isMapped(uid: number, uidMap: string): boolean {
  return uidMap
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .some(([inside = 0, , length = 0]) => uid >= inside && uid < inside + length);
}

/** The group that may open /dev/kvm, where its mode asks for one. */
async function kvmGroups(): Promise<readonly number[]> {
  const { mode, gid } = await stat('/dev/kvm');
  const everybody = (mode & 0o006) === 0o006;
  const group = (mode & 0o060) === 0o060;
  return !everybody && group && gid !== 0 ? [gid] : [];
}

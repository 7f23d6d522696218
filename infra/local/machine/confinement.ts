import { findProgram } from '../programs.ts';
import type { Namespaces } from './namespaces.ts';

/** What a confined process may use. */
export interface Limits {
  /** Address space in bytes. */
  readonly addressSpace: number;
  /** Largest file it may write, in bytes: its disk, and so also a log a guest floods. */
  readonly fileSize: number;
  /** Threads; counted per user, so only enforced where the process has a user of its own. */
  readonly threads: number;
}

/** Who the process becomes: another user where we are root, ourselves where we are not. */
export interface Identity {
  /** Undefined: stays the user we are. */
  readonly uid: number | undefined;
  /** Groups it keeps; only ever the one that may open /dev/kvm. */
  readonly groups: readonly number[];
}

/** How much less than we have a process gets. */
export interface Confinement {
  readonly identity: Identity;
  readonly limits: Limits;
  readonly namespaces: Namespaces;
}

/**
 * The argument vector that runs `argv` with less than we have: no network but what it inherits, no privilege can be gained, no capability is
 * left, no core is written, and the kernel kills it when the thread that spawned it ends (so it must be spawned from the main thread).
 * Namespaces come first, while we may still make them; the death signal after them, since a change of user clears it.
 */
export async function confine(
  argv: readonly string[],
  { identity, limits, namespaces }: Confinement,
): Promise<readonly string[]> {
  const [setpriv, prlimit] = await Promise.all([findProgram('setpriv'), findProgram('prlimit')]);
  const words = [setpriv, ...privileges(identity), '--', prlimit, ...resources(identity, limits), ...argv];
  return [...namespaces.words, ...words];
}

/** The order inside is setpriv's: groups, user, capabilities, and the death signal last, since a change of user clears it. */
function privileges({ uid, groups }: Identity): readonly string[] {
  const never = ['--no-new-privs', '--pdeathsig=KILL'];
  if (uid === undefined) return never;
  const others = groups.length === 0 ? '--clear-groups' : `--groups=${groups.join(',')}`;
  return [`--reuid=${uid}`, `--regid=${uid}`, others, '--inh-caps=-all', '--bounding-set=-all', ...never];
}

function resources({ uid }: Identity, { addressSpace, fileSize, threads }: Limits): readonly string[] {
  const own = uid === undefined ? [] : [`--nproc=${threads}`];
  return ['--core=0', `--as=${addressSpace}`, `--fsize=${fileSize}`, '--memlock=0', ...own];
}

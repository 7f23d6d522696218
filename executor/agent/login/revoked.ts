import { readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../failure.ts';
import type { Guest } from '../guest.ts';
import { encodeKrl } from './krl.ts';
import { LoginRefused } from './refused.ts';

/**
 * One certificate, one connection: the first session that comes with a serial takes it, and from then on sshd refuses the certificate. A
 * second session that got past sshd at the same moment is refused here: making a file is one step, and one of two makes it.
 * Throws LoginRefused.
 */
export function useOnce(guest: Guest, caBlob: Buffer, serial: string): void {
  if (take(guest, serial, connectionProcess())) {
    publish(guest, caBlob);
    return;
  }
  throw new LoginRefused(
    'LOGIN_CERTIFICATE_USED',
    'a certificate that was not used before',
    'the second login with it, or one that was revoked',
    'a certificate opens one connection: mint another',
  );
}

/** From now on sshd refuses these serials, and connections that they opened are ended. Asked again it changes nothing; nothing takes a serial off the list. */
export function revoke(guest: Guest, caBlob: Buffer, serials: readonly string[]): void {
  for (const serial of serials) take(guest, serial, NOBODY);
  publish(guest, caBlob);
}

/** Which connection took a serial, by sshd's process for it (empty: it was revoked), and when, in unix seconds; undefined while nobody has. */
export function takerOf({ revokedFolder }: Guest, serial: string): { connection: string; at: number } | undefined {
  const file = join(revokedFolder, 'serials', serial);
  try {
    return { connection: readFileSync(file, 'latin1'), at: statSync(file).mtimeMs / 1000 };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Who takes a serial that is revoked. */
const NOBODY = '';

/** sshd's process for our connection: our parent is its half for this login, and that one's parent is the half that asked who may log in. */
function connectionProcess(): string {
  const status = readFileSync(`/proc/${process.ppid}/status`, 'latin1');
  return /^PPid:\t([0-9]+)$/m.exec(status)?.[1] ?? NOBODY;
}

/** False when somebody has it already. Who reads it in the moment before it has its content finds nobody, and waits as it does for anybody. */
function take({ revokedFolder }: Guest, serial: string, connection: string): boolean {
  try {
    writeFileSync(join(revokedFolder, 'serials', serial), connection, { flag: 'wx', mode: 0o444 });
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Puts the list where sshd reads it, whole at every moment. Of two that do this at once the later one might know less: so each looks again,
 * after its list is in place, whether it knew all.
 */
function publish({ revokedFolder }: Guest, caBlob: Buffer): void {
  const [list, draft] = [join(revokedFolder, 'krl'), join(revokedFolder, `krl.${process.pid}`)];
  for (let serials = read(revokedFolder), known = ''; serials.join() !== known; serials = read(revokedFolder)) {
    known = serials.join();
    writeFileSync(draft, encodeKrl(caBlob, serials), { mode: 0o644 });
    renameSync(draft, list);
  }
}

function read(folder: string): string[] {
  return readdirSync(join(folder, 'serials')).sort();
}

import { closeSync, openSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
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
  if (take(guest, serial)) {
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

/** From now on sshd refuses these serials. Asked again it changes nothing; nothing takes a serial off the list. */
export function revoke(guest: Guest, caBlob: Buffer, serials: readonly string[]): void {
  for (const serial of serials) take(guest, serial);
  publish(guest, caBlob);
}

/** False when somebody has it already. */
function take({ revokedFolder }: Guest, serial: string): boolean {
  try {
    closeSync(openSync(join(revokedFolder, 'serials', serial), 'wx', 0o444));
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

import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../failure.ts';
import type { Guest } from '../guest.ts';
import { parseCertificate } from '../login/certificate.ts';
import { LoginRefused } from '../login/refused.ts';
import { takerOf } from '../login/revoked.ts';

/*
 * sshd asks whether a certificate is valid when somebody logs in, and never again: a connection that only forwards opens no session, so the
 * executor never sees it, and would outlive its certificate. So whoever answers sshd's question (images/guest/usr/lib/burnbag/login) first
 * notes the certificate in `loginsFolder`, in a file named after sshd's process for this connection, and the root half, without which the
 * machine ends, looks at these notes. A note says when its connection is over:
 * - at the end of the certificate;
 * - as soon as its serial was taken by another connection, or revoked;
 * - at once, where it cannot be read: no note gives time that it does not say.
 * What is remembered lies in the folder alone, so it does not matter when the root half begins to look.
 */

/** How often it looks: a connection stays by no more than this. */
const LOOK_MS = 1_000;

/** By how much later than the executor and the relay, which end their own connection in good order and say why. It also lets a note be finished. */
const LATE_SECONDS = 3;

/** sshd's processes that take no notice of being told to end are ended. */
const KILL_AFTER_SECONDS = 2;

/** Ends connections from now on. A folder that cannot be read is an error of this process, which ends the machine. */
export function watchLogins(guest: Guest): NodeJS.Timeout {
  return setInterval(endLogins, LOOK_MS, guest);
}

/** Looks once: ends every connection that is over, and forgets those that are gone. */
export function endLogins(guest: Guest): void {
  for (const connection of readdirSync(guest.loginsFolder)) {
    const file = join(guest.loginsFolder, connection);
    if (!isConnection(connection)) rmSync(file, { force: true });
    else endIfOver(connection, guest.now() / 1000 - endOf(guest, connection, file) - LATE_SECONDS);
  }
}

/** sshd's process of a connection leads a process group of its own, in which everything is that has the connection open. */
function endIfOver(connection: string, secondsOver: number): void {
  if (secondsOver < 0) return;
  try {
    process.kill(-Number(connection), secondsOver < KILL_AFTER_SECONDS ? 'SIGTERM' : 'SIGKILL');
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH') throw error;
  }
}

/** Whether that process is still there, and still sshd's: numbers are given out again. */
function isConnection(connection: string): boolean {
  return /^[1-9][0-9]*$/.test(connection) && readIfThere(`/proc/${connection}/comm`) === 'sshd-session\n';
}

/** Unix seconds. A login that should not have come, refused as it may be by now, is given the time that any is given. */
function endOf(guest: Guest, connection: string, file: string): number {
  return Math.max(modifiedAt(file), endSaidIn(guest, connection, file));
}

function endSaidIn(guest: Guest, connection: string, file: string): number {
  try {
    const { serial, validBefore } = parseCertificate(Buffer.from(readFileSync(file, 'latin1'), 'base64'));
    return Math.min(Number(validBefore), takenByAnother(guest, serial.toString(), connection));
  } catch (error) {
    if (!(error instanceof LoginRefused)) throw error;
    return 0;
  }
}

/** When its serial was taken or revoked, by anybody but this connection. */
function takenByAnother(guest: Guest, serial: string, connection: string): number {
  const taken = takerOf(guest, serial);
  return taken === undefined || taken.connection === connection ? Infinity : taken.at;
}

function modifiedAt(file: string): number {
  return statSync(file).mtimeMs / 1000;
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1');
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ESRCH') return undefined;
    throw error;
  }
}

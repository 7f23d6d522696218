import type { Guest } from '../agent/guest.ts';
import { LoginRefused } from '../agent/login/refused.ts';
import { useOnce } from '../agent/login/revoked.ts';

/** One process that comes with one serial: says `taken`, or why not. For tests of several at once. */
const [guest = '{}', caBlob = '', serial = ''] = process.argv.slice(2);
try {
  useOnce(JSON.parse(guest) as Guest, Buffer.from(caBlob, 'hex'), serial);
  process.stdout.write('taken');
} catch (error) {
  process.stdout.write(error instanceof LoginRefused ? error.refusal.code : String(error));
}

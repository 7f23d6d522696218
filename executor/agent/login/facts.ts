import { readFileSync } from 'node:fs';
import { MachineId } from '../../protocol/text.ts';
import type { Guest } from '../guest.ts';
import { parseCaKey, typeOfCaKey } from './ca-key.ts';
import { LoginRefused } from './refused.ts';

/** What the machine itself knows: whom to believe and who it is. */
export interface Facts {
  /** Raw key of the CA. */
  readonly caKey: Buffer;
  /** The same in its SSH form, which names its kind. */
  readonly caBlob: Buffer;
  readonly machineId: string;
}

/** Reads the machine's own facts. Throws LoginRefused with GUEST_FACTS_MISSING. */
export function readFacts(guest: Guest): Facts {
  const machineId = MachineId.safeParse(read(guest.machineIdFile).trimEnd());
  if (!machineId.success) throw missing('a machine id', guest.machineIdFile);
  const [type, base64 = ''] = read(guest.caFile).trimEnd().split(' ');
  try {
    const caBlob = Buffer.from(base64, 'base64');
    const caKey = parseCaKey(caBlob);
    if (typeOfCaKey(caKey) === type) return { caKey, caBlob, machineId: machineId.data };
  } catch {
    // Said below: what stands in the file is the boot's mistake, not the caller's.
  }
  throw missing("a CA's public key", guest.caFile);
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    throw missing('a readable file', file);
  }
}

function missing(what: string, file: string): LoginRefused {
  return new LoginRefused(
    'GUEST_FACTS_MISSING',
    `${what} in ${file}`,
    'none',
    'the boot did not finish, or the image is another',
  );
}

import path from 'node:path';
import { parseCaKeyLine } from './ca-key.ts';
import { CaError } from './errors.ts';
import { openFileSigner } from './file-signer.ts';
import { mint, type Minted } from './mint.ts';
import {
  orderAudit,
  orderRevoke,
  orderTask,
  type MintAuditRequest,
  type MintRequest,
  type MintRevokeRequest,
} from './order.ts';
import { openSerialList, type SerialList } from './serial-list.ts';
import type { Signer } from './signer.ts';

/** The certificate authority: the only thing that can make a login to a sandbox. */
export interface Ca {
  /** What sandboxes trust, `ssh-ed25519 AAAA…` or `ecdsa-sha2-nistp256 AAAA…`. */
  readonly publicKeyLine: string;
  /** A run's login. Throws CaError; nothing is issued then. */
  readonly mint: (request: MintRequest) => Promise<TaskCertificate>;
  /** A login that only copies logs out. Throws CaError. */
  readonly mintAudit: (request: MintAuditRequest) => Promise<Minted>;
  /** A login that only tells a sandbox what was revoked. Throws CaError. */
  readonly mintRevoke: (request: MintRevokeRequest) => Promise<Minted>;
  /** Takes a certificate for its one connection; resolves when that is durable. Rejects with CaError `already_used` the second time. */
  spend(serial: string, why: string): Promise<void>;
  /** Puts a serial on the CA's list; resolves when that is durable. */
  revoke(serial: string, why: string): Promise<void>;
  /** Every serial on the list. */
  revoked(): Promise<ReadonlySet<string>>;
}

/** A run's certificate and the digest of the grant inside it. */
export interface TaskCertificate extends Minted {
  readonly grantSha256: string;
}

/** Opens the CA of a data directory: its key (made on first use, unless another signer is given) and its list of revoked serials. */
export async function openCa(options: { readonly home: string; readonly signer?: Signer }): Promise<Ca> {
  const keys = path.join(options.home, 'keys');
  const signer = options.signer ?? (await openFileSigner(path.join(keys, 'ca.pem')));
  const caKey = parseCaKeyLine(signer.publicKeyLine);
  const [revoked, used] = [openSerialList(path.join(keys, 'revoked')), openSerialList(path.join(keys, 'used'))];
  return {
    publicKeyLine: signer.publicKeyLine,
    mint: (request) => mintTask(request, caKey, signer),
    mintAudit: async (request) => mint(orderAudit(request, caKey), signer),
    mintRevoke: async (request) => mint(orderRevoke(request, caKey), signer),
    spend: (serial, why) => spend(used, serial, why),
    revoke: (serial, why) => revoked.add(serial, why),
    revoked: () => revoked.list(),
  };
}

async function mintTask(request: MintRequest, caKey: Buffer, signer: Signer): Promise<TaskCertificate> {
  const order = orderTask(request, caKey);
  const minted = await mint(order, signer);
  return { ...minted, grantSha256: order.grant.sha256 };
}

/** A serial that is being written is taken already: two that come at once do not both get it. */
async function spend(used: SerialList, serial: string, why: string): Promise<void> {
  if (await used.addNew(serial, why)) return;
  throw new CaError('already_used', {
    expected: `certificate ${serial} to be unused`,
    got: 'one that has had its connection',
    hint: 'a certificate opens one connection: mint another',
  });
}

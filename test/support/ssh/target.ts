import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GrantedAction } from '../../../executor/protocol/index.ts';
import { openDoor } from '../../../infra/local/wire/door.ts';
import { readCertificateLine, type CertificateBody } from '../../../orchestrator/ca/certificate.ts';
import { mint } from '../../../orchestrator/ca/mint.ts';
import { orderTask } from '../../../orchestrator/ca/order.ts';
import { parsePublicKeyLine } from '../../../orchestrator/ca/public-key.ts';
import type { Signer } from '../../../orchestrator/ca/index.ts';
import { forgeCertificate, memorySigner, RUN_ID, TASK_ID, testGrant } from '../login.ts';
import { startRootGuest, type RootGuest } from '../root-guest/root-guest.ts';

/** A sandbox to attack: the real image in a real QEMU, on the product's wire, with a CA whose key the attacker has, and root's shell inside to look. */
export interface Target extends AsyncDisposable {
  readonly guest: RootGuest;
  readonly signer: Signer;
  /** The unix socket that leads to its sshd. */
  readonly socket: string;
  readonly sshdLog: () => Promise<string>;
  readonly executorLog: () => Promise<string>;
}

/** Boots one. */
export async function startTarget(tunnels: readonly string[] = []): Promise<Target> {
  const signer = memorySigner();
  const guest = await startRootGuest({ network: 'wire', caPublicKey: signer.publicKeyLine, tunnels });
  const socket = join(guest.folder, 'ssh.sock');
  if (guest.wire === undefined) throw new Error('expected a wire');
  await openDoor(guest.wire, socket);
  const read = (name: string) => readFile(join(guest.folder, name), 'utf8');
  return {
    ...{ guest, signer, socket },
    sshdLog: () => read('sshd'),
    executorLog: () => read('executor'),
    [Symbol.asyncDispose]: () => guest[Symbol.asyncDispose](),
  };
}

/** The relay as the guest's sshd sees it. */
export const SOURCE_ADDRESS = '10.0.2.2';

export interface Wanted {
  readonly actions?: readonly GrantedAction[];
  readonly tunnels?: readonly string[];
  readonly ttlSeconds?: number;
}

/** A certificate as the product mints it for this target: every rule of the CA was asked. */
export async function mintFor(target: Target, publicKey: string, wanted: Wanted = {}): Promise<string> {
  const { actions = [{ action: 'check_health', limits: {} }], tunnels, ttlSeconds = 600 } = wanted;
  const [now, machineId] = [new Date(), target.guest.machineId];
  const grant = testGrant(Math.floor(now.getTime() / 1000) + ttlSeconds, {
    ...{ machine_id: machineId, actions: [...actions] },
    ...(tunnels !== undefined && { tunnels: [...tunnels] }),
  });
  const request = { grant, runId: RUN_ID, taskId: TASK_ID, machineId, publicKey, now, ttlSeconds };
  const order = orderTask(
    { ...request, sourceAddress: SOURCE_ADDRESS },
    parsePublicKeyLine(target.signer.publicKeyLine),
  );
  return (await mint(order, target.signer)).certificateLine;
}

/** The same, signed again with changes that no rule allows. */
export async function forgeFor(
  target: Target,
  publicKey: string,
  changes: (minted: CertificateBody) => Partial<CertificateBody>,
): Promise<string> {
  const minted = readCertificateLine(await mintFor(target, publicKey));
  return forgeCertificate(target.signer, publicKey, { ...minted, ...changes(minted) });
}

/** Everything a certificate can permit, and no forced command: the certificate's layer is off. */
export function permitsEverything({ extensions }: CertificateBody): Partial<CertificateBody> {
  const permits = ['X11-forwarding', 'agent-forwarding', 'port-forwarding', 'pty', 'user-rc'];
  const all = [...extensions, ...permits.map((name) => ({ name: `permit-${name}`, value: undefined }))];
  return {
    criticalOptions: [],
    extensions: all.toSorted((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name))),
  };
}

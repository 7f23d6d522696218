import { createHash } from 'node:crypto';
import { canonicalJson, type Grant } from '../../executor/protocol/index.ts';
import { CaError } from './errors.ts';
import { BACKDATE_SECONDS, CERTIFICATE_KINDS, TTL_DEFAULT_SECONDS, type CertificateKind } from './kinds.ts';
import { parsePublicKeyLine } from './public-key.ts';

/** What a caller asks for: the login of one run. The ids are said beside the grant, and both must agree. */
export interface MintRequest {
  readonly grant: Grant;
  readonly runId: string;
  readonly taskId: string;
  readonly machineId: string;
  /** Public half of the run's key, `ssh-ed25519 AAAA…`. */
  readonly publicKey: string;
  /** The relay as the guest's sshd sees it: one IP address. */
  readonly sourceAddress: string;
  readonly ttlSeconds?: number;
  readonly now: Date;
}

/** What a caller asks for: a login that only copies logs out. */
export type MintAuditRequest = Omit<MintRequest, 'grant' | 'taskId'>;

/** What a caller asks for: a login that only revokes. */
export type MintRevokeRequest = MintAuditRequest;

/** A request made exact: what the finished certificate is compared with. Keys are raw bytes, times unix seconds. */
export interface Order {
  readonly kind: CertificateKind;
  readonly keyId: string;
  readonly principal: string;
  readonly runId: string;
  readonly taskId: string | undefined;
  readonly machineId: string;
  readonly subjectKey: Buffer;
  readonly caKey: Buffer;
  readonly sourceAddress: string;
  readonly now: number;
  readonly validAfter: number;
  readonly validBefore: number;
  /** Canonical JSON of the grant and its digest. */
  readonly grant: { readonly json: string; readonly sha256: string } | undefined;
  /** Whether sshd may forward for it. */
  readonly hasTunnels: boolean;
}

/** The order of a run's login always has a grant. */
export type TaskOrder = Order & { readonly grant: NonNullable<Order['grant']> };

/** Makes the order for a run's login. */
export function orderTask(request: MintRequest, caKey: Buffer): TaskOrder {
  const json = grantJson(request.grant);
  const sha256 = createHash('sha256').update(json).digest('hex');
  const keyId = `run=${request.runId}:task=${request.taskId}:grant=${sha256}`;
  const hasTunnels = request.grant.tunnels !== undefined;
  return { ...common('task', request, caKey), keyId, taskId: request.taskId, grant: { json, sha256 }, hasTunnels };
}

/** Makes the order for a login that copies logs out. */
export function orderAudit(request: MintAuditRequest, caKey: Buffer): Order {
  const keyId = `run=${request.runId}:audit=${request.machineId}`;
  return { ...common('audit', request, caKey), keyId, ...NO_GRANT };
}

/** Makes the order for a login that revokes. */
export function orderRevoke(request: MintRevokeRequest, caKey: Buffer): Order {
  const keyId = `run=${request.runId}:revoke=${request.machineId}`;
  return { ...common('revoke', request, caKey), keyId, ...NO_GRANT };
}

const NO_GRANT = { taskId: undefined, grant: undefined, hasTunnels: false } as const;

function common(kind: CertificateKind, request: MintAuditRequest, caKey: Buffer) {
  const now = Math.floor(request.now.getTime() / 1000);
  return {
    kind,
    principal: `${CERTIFICATE_KINDS[kind].principalPrefix}${request.machineId}`,
    runId: request.runId,
    machineId: request.machineId,
    subjectKey: parsePublicKeyLine(request.publicKey),
    caKey,
    sourceAddress: request.sourceAddress,
    now,
    validAfter: now - BACKDATE_SECONDS,
    validBefore: now + (request.ttlSeconds ?? TTL_DEFAULT_SECONDS),
  };
}

function grantJson(grant: Grant): string {
  try {
    return canonicalJson(grant);
  } catch (cause) {
    throw new CaError(
      'grant',
      {
        expected: 'a grant that canonical JSON can say',
        got: String(cause),
        hint: 'grants hold text, integers, lists and objects',
      },
      { cause },
    );
  }
}

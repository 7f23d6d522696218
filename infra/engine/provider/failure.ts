import { status as grpcStatus } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import { messageOf } from '../errors.ts';
import { provider, status } from '../protocol/messages.ts';
import { isServiceError } from '../protocol/rpc.ts';
import type { Properties } from '../values/value.ts';
import { fromStruct } from '../protocol/wire.ts';

/** An object that exists although the provider reported an error: made, but not as it should be. */
export interface PartialResult {
  readonly id: string;
  readonly properties: Properties;
  readonly inputs: Properties | undefined;
  readonly reasons: readonly string[];
}

/**
 * A provider call that failed. `fate` says what is known of the object: `decided` when the provider answered, `unknown` when
 * it did not (died, or let its deadline pass), so that the pending operation must stay on record.
 */
export class ProviderFailure extends Error {
  readonly fate: 'decided' | 'unknown';
  readonly partial: PartialResult | undefined;
  /** True when the provider's own status is one that leaves the state possibly wrong (summary: maybeCorrupt). */
  readonly maybeCorrupt: boolean;

  constructor(
    message: string,
    details: {
      fate: 'decided' | 'unknown';
      partial?: PartialResult | undefined;
      maybeCorrupt?: boolean;
      cause?: unknown;
    },
  ) {
    super(message, { cause: details.cause });
    this.name = 'ProviderFailure';
    this.fate = details.fate;
    this.partial = details.partial;
    this.maybeCorrupt = details.maybeCorrupt ?? false;
  }
}

/** Reads a gRPC error of a provider: its words, and an ErrorResourceInitFailed if one travels in its metadata. */
export function readFailure(error: unknown): ProviderFailure {
  if (!isServiceError(error)) return new ProviderFailure(messageOf(error), { fate: 'decided', cause: error });
  const partial = readPartial(error);
  return new ProviderFailure(describe(error), {
    fate: NO_ANSWER.has(error.code) ? 'unknown' : 'decided',
    partial,
    maybeCorrupt: partial === undefined && CORRUPTING.has(error.code),
    cause: error,
  });
}

/** True when the provider does not have the method at all. */
export function isUnimplemented(error: unknown): boolean {
  return isServiceError(error) && error.code === grpcStatus.UNIMPLEMENTED;
}

/** Nobody answered: the call was cut off or timed out. */
const NO_ANSWER: ReadonlySet<number> = new Set([
  grpcStatus.CANCELLED,
  grpcStatus.DEADLINE_EXCEEDED,
  grpcStatus.UNAVAILABLE,
]);
const CORRUPTING: ReadonlySet<number> = new Set([grpcStatus.UNKNOWN, grpcStatus.INTERNAL, grpcStatus.DATA_LOSS]);

function describe(error: ServiceError): string {
  if (error.code === grpcStatus.DEADLINE_EXCEEDED)
    return `the provider did not answer in time (${error.details}); whether the object exists is unknown`;
  if (NO_ANSWER.has(error.code))
    return `the provider went away during the call (${error.details}); whether the object exists is unknown`;
  return error.details;
}

/** google.rpc.Status in trailing metadata, holding an Any of pulumirpc.ErrorResourceInitFailed. An empty id names no object. */
function readPartial(error: ServiceError): PartialResult | undefined {
  const [packed] = error.metadata.get('grpc-status-details-bin');
  if (!Buffer.isBuffer(packed)) return undefined;
  for (const detail of status.Status.deserializeBinary(packed).getDetailsList()) {
    if (!detail.getTypeName().endsWith('ErrorResourceInitFailed')) continue;
    const failed = provider.ErrorResourceInitFailed.deserializeBinary(detail.getValue_asU8());
    if (failed.getId() === '') return undefined;
    return {
      id: failed.getId(),
      properties: fromStruct(failed.getProperties()),
      inputs: failed.hasInputs() ? fromStruct(failed.getInputs()) : undefined,
      reasons: failed.getReasonsList(),
    };
  }
  return undefined;
}

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
  const said = readInitFailed(error);
  const partial = said === 'nameless' ? undefined : said;
  return new ProviderFailure(describe(error), {
    fate: said !== 'nameless' && isAnswer(error) ? 'decided' : 'unknown',
    partial,
    maybeCorrupt: partial === undefined && CORRUPTING.has(error.code),
    cause: error,
  });
}

/** True when the provider does not have the method at all. */
export function isUnimplemented(error: unknown): boolean {
  return isServiceError(error) && error.code === grpcStatus.UNIMPLEMENTED;
}

/**
 * Whether the provider said this. Some codes only the transport makes; others both can (a stream reset, an answer that
 * cannot be read, one larger than the limit): then what the transport made carries no metadata, not even a content type.
 */
function isAnswer(error: ServiceError): boolean {
  if (NO_ANSWER.has(error.code)) return false;
  return !TRANSPORT_TOO.has(error.code) || Object.keys(error.metadata.getMap()).length > 0;
}

/** Nobody answered: the call was cut off or timed out. */
const NO_ANSWER: ReadonlySet<number> = new Set([
  grpcStatus.CANCELLED,
  grpcStatus.DEADLINE_EXCEEDED,
  grpcStatus.UNAVAILABLE,
]);
const TRANSPORT_TOO: ReadonlySet<number> = new Set([
  grpcStatus.INTERNAL,
  grpcStatus.RESOURCE_EXHAUSTED,
  grpcStatus.UNKNOWN,
  grpcStatus.DATA_LOSS,
]);
const CORRUPTING: ReadonlySet<number> = new Set([grpcStatus.UNKNOWN, grpcStatus.INTERNAL, grpcStatus.DATA_LOSS]);

function describe(error: ServiceError): string {
  if (error.code === grpcStatus.DEADLINE_EXCEEDED)
    return `the provider did not answer in time (${error.details}); whether the object exists is unknown`;
  if (!isAnswer(error))
    return `the provider went away during the call (${error.details}); whether the object exists is unknown`;
  return error.details;
}

/**
 * google.rpc.Status in trailing metadata, holding an Any of pulumirpc.ErrorResourceInitFailed: an object exists. `nameless` if it
 * is not told under which id, or cannot be read.
 */
function readInitFailed(error: ServiceError): PartialResult | 'nameless' | undefined {
  const [packed] = error.metadata.get('grpc-status-details-bin');
  if (!Buffer.isBuffer(packed)) return undefined;
  try {
    const details = status.Status.deserializeBinary(packed).getDetailsList();
    const detail = details.find((one) => one.getTypeName().endsWith('ErrorResourceInitFailed'));
    if (detail === undefined) return undefined;
    const failed = provider.ErrorResourceInitFailed.deserializeBinary(detail.getValue_asU8());
    if (failed.getId() === '') return 'nameless';
    return {
      id: failed.getId(),
      properties: fromStruct(failed.getProperties()),
      inputs: failed.hasInputs() ? fromStruct(failed.getInputs()) : undefined,
      reasons: failed.getReasonsList(),
    };
  } catch {
    return 'nameless';
  }
}

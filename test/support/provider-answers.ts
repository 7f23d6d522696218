import { Metadata, status } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import proto from '@pulumi/pulumi/proto/provider_pb.js';
import statusProto from '@pulumi/pulumi/proto/status_pb.js';
import anyProto from 'google-protobuf/google/protobuf/any_pb.js';
import structProto from 'google-protobuf/google/protobuf/struct_pb.js';

export type Props = Record<string, unknown>;

/** One call the provider received. */
export interface Call {
  readonly method: string;
  readonly urn: string;
  readonly name: string;
  readonly id: string;
  readonly olds: Props | undefined;
  readonly oldInputs: Props | undefined;
  readonly news: Props | undefined;
  readonly preview: boolean;
  readonly timeout: number;
}

/** How a provider call fails. */
export class ProviderFault extends Error {
  readonly code: status;
  readonly partial: { id: string; properties: Props; reasons: string[] } | undefined;
  constructor(
    message: string,
    options: { code?: status; partial?: { id: string; properties: Props; reasons: string[] } } = {},
  ) {
    super(message);
    this.code = options.code ?? status.UNKNOWN;
    this.partial = options.partial;
  }
}

const { DIFF_NONE, DIFF_SOME, DIFF_UNKNOWN } = proto.DiffResponse.DiffChanges;

/** Check: inputs with the key `invalid` are refused. */
export function check(request: InstanceType<typeof proto.CheckRequest>): unknown {
  const news = plain(request.getNews()) ?? {};
  const response = new proto.CheckResponse().setInputs(request.getNews());
  if (news['invalid'] !== undefined)
    response.addFailures(new proto.CheckFailure().setProperty('invalid').setReason('must not be set'));
  return response;
}

/** Diff: changes of the keys in `replaceOn` are replacements, `deleteFirst` their order; `diffUnknown` says nothing. */
export function diff(request: InstanceType<typeof proto.DiffRequest>): unknown {
  const [before, after] = [plain(request.getOldInputs()) ?? {}, plain(request.getNews()) ?? {}];
  if (after['diffUnknown'] === true) return new proto.DiffResponse().setChanges(DIFF_UNKNOWN);
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const changed = keys.filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]));
  if (changed.length === 0) return new proto.DiffResponse().setChanges(DIFF_NONE);
  const replacing = Array.isArray(after['replaceOn']) ? after['replaceOn'].map(String) : [];
  return new proto.DiffResponse()
    .setChanges(DIFF_SOME)
    .setDiffsList(changed)
    .setReplacesList(changed.filter((key) => replacing.includes(key)))
    .setDeletebeforereplace(after['deleteFirst'] === true);
}

/** DiffConfig: another `region` is another provider. */
export function diffConfig(request: InstanceType<typeof proto.DiffRequest>): unknown {
  const [before, after] = [plain(request.getOldInputs()) ?? {}, plain(request.getNews()) ?? {}];
  const response = new proto.DiffResponse().setChanges(
    JSON.stringify(before) === JSON.stringify(after) ? DIFF_NONE : DIFF_SOME,
  );
  return before['region'] === after['region'] ? response : response.setReplacesList(['region']);
}

interface AnyRequest {
  getUrn?: () => string;
  getId?: () => string;
  getOlds?: () => InstanceType<typeof structProto.Struct> | undefined;
  getOldInputs?: () => InstanceType<typeof structProto.Struct> | undefined;
  getNews?: () => InstanceType<typeof structProto.Struct> | undefined;
  getProperties?: () => InstanceType<typeof structProto.Struct> | undefined;
  getArgs?: () => InstanceType<typeof structProto.Struct> | undefined;
  getPreview?: () => boolean;
  getTimeout?: () => number;
}

/** A request as tests look at it. */
export function describe(method: string, request: AnyRequest): Call {
  const urn = request.getUrn?.() ?? '';
  return {
    method,
    urn,
    name: nameOf(urn),
    id: request.getId?.() ?? '',
    olds: plain(
      request.getOlds?.() ?? (method === 'delete' || method === 'read' ? request.getProperties?.() : undefined),
    ),
    oldInputs: plain(request.getOldInputs?.()),
    news: plain(request.getNews?.() ?? (method === 'create' ? request.getProperties?.() : request.getArgs?.())),
    preview: request.getPreview?.() ?? false,
    timeout: request.getTimeout?.() ?? 0,
  };
}

/** How gRPC says that a call failed, and, for a half-made object, that it exists. */
export function fault(error: unknown): Partial<ServiceError> {
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof ProviderFault)) return { code: status.UNKNOWN, details: message };
  const metadata = new Metadata();
  if (error.partial !== undefined) {
    const detail = new proto.ErrorResourceInitFailed();
    detail
      .setId(error.partial.id)
      .setProperties(struct(error.partial.properties))
      .setReasonsList(error.partial.reasons);
    const packed = new anyProto.Any();
    packed.pack(detail.serializeBinary(), 'pulumirpc.ErrorResourceInitFailed');
    const packedStatus = new statusProto.Status().setCode(error.code).setMessage(message);
    packedStatus.addDetails(packed);
    metadata.add('grpc-status-details-bin', Buffer.from(packedStatus.serializeBinary()));
  }
  return { code: error.code, details: message, metadata };
}

/** The name in a URN. */
export function nameOf(urn: string): string {
  return urn.split('::').slice(3).join('::');
}

/** A message as plain values. */
export function plain(value: InstanceType<typeof structProto.Struct> | undefined): Props | undefined {
  return value?.toJavaScript();
}

/** Plain values as a message. */
export function struct(properties: Props): InstanceType<typeof structProto.Struct> {
  return structProto.Struct.fromJavaScript(properties as Parameters<typeof structProto.Struct.fromJavaScript>[0]);
}

import { isDeepStrictEqual } from 'node:util';
import grpc from '@grpc/grpc-js';
import pluginProto from '@pulumi/pulumi/proto/plugin_pb.js';
import providerProto from '@pulumi/pulumi/proto/provider_pb.js';
import statusProto from '@pulumi/pulumi/proto/status_pb.js';
import anyProto from 'google-protobuf/google/protobuf/any_pb.js';
import emptyProto from 'google-protobuf/google/protobuf/empty_pb.js';
import structProto, { type JavaScriptValue } from 'google-protobuf/google/protobuf/struct_pb.js';
import { InitFailed, type Properties, type Resource, type Resources } from './resource.ts';

/** Method name → what we answer. A rejection is a gRPC error object. */
export type Answers = Readonly<Record<string, Answer>>;
export type Answer = (request: never) => Promise<unknown>;

/**
 * The protocol's side of the provider: requests to plain values and back. The one file that knows the protobuf messages.
 *
 * Cancel is answered and not obeyed: the real engine sends it at the end of every operation, one server serves many runs,
 * and a run is stopped by its own signal. No secret ever crosses this provider, so it says that it does not understand any.
 */
export function answers(resources: Resources): Answers {
  const of = (request: { getUrn(): string }): Resource => find(resources, request.getUrn());
  return {
    handshake: () => Promise.resolve(new providerProto.ProviderHandshakeResponse()),
    attach: () => Promise.resolve(new emptyProto.Empty()),
    getPluginInfo: () => Promise.resolve(new pluginProto.PluginInfo().setVersion(VERSION)),
    checkConfig: (request: Check) => Promise.resolve(new providerProto.CheckResponse().setInputs(request.getNews())),
    diffConfig: () => Promise.resolve(new providerProto.DiffResponse().setChanges(Changes.DIFF_NONE)),
    configure: () => Promise.resolve(new providerProto.ConfigureResponse().setSupportspreview(true)),
    cancel: () => Promise.resolve(new emptyProto.Empty()),
    check: (request: Check) => Promise.resolve(checked(of(request), request)),
    diff: (request: Diff) => Promise.resolve(differing(request)),
    create: (request: Create) => create(of(request), request).catch(refuse),
    read: (request: Read) => read(of(request), request).catch(refuse),
    delete: (request: Delete) => remove(of(request), request).catch(refuse),
  };
}

const VERSION = '1.0.0';
const Changes = providerProto.DiffResponse.DiffChanges;
type Check = InstanceType<typeof providerProto.CheckRequest>;
type Diff = InstanceType<typeof providerProto.DiffRequest>;
type Create = InstanceType<typeof providerProto.CreateRequest>;
type Read = InstanceType<typeof providerProto.ReadRequest>;
type Delete = InstanceType<typeof providerProto.DeleteRequest>;
type Struct = InstanceType<typeof structProto.Struct>;

/** The type is the last part of a URN's third field: `urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME`. */
function find(resources: Resources, urn: string): Resource {
  const type = urn.split('::')[2]?.split('$').at(-1) ?? '';
  const resource = resources[type];
  if (resource !== undefined) return resource;
  throw grpcError(
    grpc.status.INVALID_ARGUMENT,
    `expected a resource of type ${Object.keys(resources).join(' or ')}, got ${urn}`,
  );
}

function checked(resource: Resource, request: Check): InstanceType<typeof providerProto.CheckResponse> {
  const response = new providerProto.CheckResponse();
  const result = resource.check(plain(request.getNews()));
  if ('inputs' in result) return response.setInputs(struct(result.inputs));
  for (const { property, reason } of result.failures) {
    response.addFailures(new providerProto.CheckFailure().setProperty(property).setReason(reason));
  }
  return response.setInputs(request.getNews());
}

/** A sandbox is never changed in place: any other input is another machine, and the old one goes first. */
function differing(request: Diff): InstanceType<typeof providerProto.DiffResponse> {
  const [before, after] = [plain(request.getOldInputs()), plain(request.getNews())];
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const changed = keys.filter((key) => !isDeepStrictEqual(before[key], after[key]));
  const response = new providerProto.DiffResponse();
  if (changed.length === 0) return response.setChanges(Changes.DIFF_NONE);
  return response
    .setChanges(Changes.DIFF_SOME)
    .setReplacesList(changed)
    .setDiffsList(changed)
    .setDeletebeforereplace(true);
}

async function create(resource: Resource, request: Create): Promise<unknown> {
  const inputs = plain(request.getProperties());
  if (request.getPreview()) return new providerProto.CreateResponse().setProperties(struct(inputs));
  const { id, outputs } = await resource.create(inputs);
  return new providerProto.CreateResponse().setId(id).setProperties(struct(outputs));
}

/** An empty id is the protocol's word for "gone". */
async function read(resource: Resource, request: Read): Promise<unknown> {
  const found = await resource.read(request.getId(), plain(request.getProperties()));
  const response = new providerProto.ReadResponse();
  if (found === undefined) return response.setId('');
  return response.setId(request.getId()).setProperties(struct(found)).setInputs(request.getInputs());
}

async function remove(resource: Resource, request: Delete): Promise<unknown> {
  await resource.delete(request.getId(), plain(request.getProperties()));
  return new emptyProto.Empty();
}

function refuse(error: unknown): never {
  if (error instanceof InitFailed) throw grpcError(grpc.status.UNKNOWN, error.message, partial(error));
  throw grpcError(grpc.status.UNKNOWN, error instanceof Error ? error.message : String(error));
}

/** How the protocol says "it exists, but": a status with details in the trailing metadata. */
function partial(failure: InitFailed): grpc.Metadata {
  const detail = new providerProto.ErrorResourceInitFailed();
  detail.setId(failure.id).setProperties(struct(failure.outputs)).setReasonsList([failure.message]);
  const packed = new anyProto.Any();
  packed.pack(detail.serializeBinary(), 'pulumirpc.ErrorResourceInitFailed');
  const status = new statusProto.Status().setCode(grpc.status.UNKNOWN).setMessage(failure.message);
  status.addDetails(packed);
  const metadata = new grpc.Metadata();
  metadata.add('grpc-status-details-bin', Buffer.from(status.serializeBinary()));
  return metadata;
}

/** An Error, so that a rejection carries a stack, with the fields grpc-js looks for. */
function grpcError(code: grpc.status, details: string, metadata?: grpc.Metadata): Error {
  return Object.assign(new Error(details), { code, details, ...(metadata === undefined ? {} : { metadata }) });
}

function plain(value: Struct | undefined): Properties {
  return value?.toJavaScript() ?? {};
}

function struct(properties: Properties): Struct {
  return structProto.Struct.fromJavaScript(properties as Record<string, JavaScriptValue>);
}

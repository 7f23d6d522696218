import { randomUUID } from 'node:crypto';
import { Metadata, Server, ServerCredentials, status } from '@grpc/grpc-js';
import type { ServiceError, UntypedServiceImplementation } from '@grpc/grpc-js';
import pluginProto from '@pulumi/pulumi/proto/plugin_pb.js';
import providerRpc from '@pulumi/pulumi/proto/provider_grpc_pb.js';
import proto from '@pulumi/pulumi/proto/provider_pb.js';
import statusProto from '@pulumi/pulumi/proto/status_pb.js';
import anyProto from 'google-protobuf/google/protobuf/any_pb.js';
import emptyProto from 'google-protobuf/google/protobuf/empty_pb.js';
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

/** What a method shall do instead of its usual work. */
export type Behaviour = (call: Call) => Promise<void> | void;

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

export interface TestProviderOptions {
  readonly acceptSecrets?: boolean;
  /** Finds an object by its URN when Read comes without an id. */
  readonly findsByUrn?: boolean;
  readonly supportsPreview?: boolean;
  /** Takes the deletion of what is gone for done, as every real provider must. */
  readonly forgivesDelete?: boolean;
}

/**
 * A real provider over gRPC whose objects are entries of a map. Inputs steer it: `replaceOn` (list of keys whose change means
 * replacement), `deleteFirst` (deleteBeforeReplace), `invalid` (Check fails). `on` lets a test wait, fail or die in a method.
 */
export class TestProvider {
  readonly calls: Call[] = [];
  /** What exists, by id. */
  readonly objects = new Map<string, { urn: string; inputs: Props; outputs: Props }>();
  address = '';
  readonly #behaviours = new Map<string, Behaviour>();
  readonly #options: Required<TestProviderOptions>;
  #server = new Server();

  private constructor(options: TestProviderOptions) {
    this.#options = { acceptSecrets: true, findsByUrn: false, supportsPreview: true, forgivesDelete: false, ...options };
  }

  static async start(options: TestProviderOptions = {}): Promise<TestProvider> {
    const provider = new TestProvider(options);
    await provider.#listen(0);
    return provider;
  }

  /** Sets what `method` does first, for resources of that name (or `STACK/NAME`), or for all. */
  on(method: string, name: string | undefined, behaviour: Behaviour | undefined): void {
    const key = `${method} ${name ?? '*'}`;
    if (behaviour === undefined) this.#behaviours.delete(key);
    else this.#behaviours.set(key, behaviour);
  }

  /** `method name` of the calls of the given methods, in order. */
  log(...methods: string[]): string[] {
    const wanted = methods.length === 0 ? ['create', 'update', 'delete', 'read'] : methods;
    return this.calls
      .filter((call) => wanted.includes(call.method) && !call.preview)
      .map((call) => `${call.method} ${call.name}`);
  }

  /** Names of the existing objects. */
  get existing(): string[] {
    return [...this.objects.values()].map(({ urn }) => nameOf(urn)).toSorted();
  }

  reset(): void {
    this.calls.length = 0;
    this.#behaviours.clear();
  }

  /** Stops serving; calls under way end without an answer, as when a provider is killed. */
  stop(): void {
    this.#server.forceShutdown();
  }

  /** Listens again on the same port. */
  async revive(): Promise<void> {
    this.#server = new Server();
    await this.#listen(Number(this.address.split(':')[1]));
  }

  async #listen(port: number): Promise<void> {
    const methods: Record<string, (request: never, call: Call) => unknown> = {
      handshake: () => this.#handshake(),
      attach: () => new emptyProto.Empty(),
      cancel: () => new emptyProto.Empty(),
      getPluginInfo: () => new pluginProto.PluginInfo().setVersion('1.0.0'),
      checkConfig: (request: InstanceType<typeof proto.CheckRequest>) =>
        new proto.CheckResponse().setInputs(request.getNews()),
      diffConfig: (request: InstanceType<typeof proto.DiffRequest>) => diffConfig(request),
      configure: () =>
        new proto.ConfigureResponse()
          .setAcceptsecrets(this.#options.acceptSecrets)
          .setAcceptresources(true)
          .setSupportspreview(this.#options.supportsPreview),
      check: (request: InstanceType<typeof proto.CheckRequest>) => check(request),
      diff: (request: InstanceType<typeof proto.DiffRequest>) => diff(request),
      create: (request: InstanceType<typeof proto.CreateRequest>) => this.#create(request),
      update: (request: InstanceType<typeof proto.UpdateRequest>) => this.#update(request),
      delete: (request: InstanceType<typeof proto.DeleteRequest>) => this.#delete(request),
      read: (request: InstanceType<typeof proto.ReadRequest>) => this.#read(request),
      invoke: (request: InstanceType<typeof proto.InvokeRequest>) =>
        new proto.InvokeResponse().setReturn(request.getArgs()),
    };
    const implementation = Object.fromEntries(
      Object.entries(methods).map(([method, answer]) => [
        method,
        (unary: { request: never }, callback: (error: Partial<ServiceError> | null, response?: unknown) => void) =>
          void this.#answer(method, unary.request, answer, callback),
      ]),
    ) as unknown as UntypedServiceImplementation;
    this.#server.addService(providerRpc.ResourceProviderService, implementation);
    const bound = await new Promise<number>((resolve, reject) => {
      this.#server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, result) => {
        if (error) reject(error);
        else resolve(result);
      });
    });
    this.address = `127.0.0.1:${bound}`;
  }

  async #answer(
    method: string,
    request: never,
    answer: (request: never, call: Call) => unknown,
    callback: (error: Partial<ServiceError> | null, response?: unknown) => void,
  ): Promise<void> {
    const call = describe(method, request);
    this.calls.push(call);
    try {
      await this.#behaviour(method, call)?.(call);
      callback(null, answer(request, call));
    } catch (error) {
      callback(fault(error));
    }
  }

  #behaviour(method: string, { urn, name }: Call): Behaviour | undefined {
    const stack = /^urn:pulumi:(.*?)::/.exec(urn)?.[1] ?? '';
    const keys = [`${stack}/${name}`, name, '*'].map((key) => this.#behaviours.get(`${method} ${key}`));
    return keys.find((behaviour) => behaviour !== undefined);
  }

  #handshake(): unknown {
    const response = new proto.ProviderHandshakeResponse();
    response.setAcceptSecrets(this.#options.acceptSecrets);
    response.setAcceptResources(true);
    return response;
  }

  #create(request: InstanceType<typeof proto.CreateRequest>): unknown {
    const inputs = plain(request.getProperties()) ?? {};
    if (request.getPreview()) return new proto.CreateResponse().setProperties(struct(inputs));
    const id = `id-${nameOf(request.getUrn())}-${randomUUID().slice(0, 8)}`;
    const outputs = { ...inputs, made: nameOf(request.getUrn()) };
    this.objects.set(id, { urn: request.getUrn(), inputs, outputs });
    return new proto.CreateResponse().setId(id).setProperties(struct(outputs));
  }

  #update(request: InstanceType<typeof proto.UpdateRequest>): unknown {
    const inputs = plain(request.getNews()) ?? {};
    const outputs = { ...inputs, made: nameOf(request.getUrn()) };
    if (!request.getPreview()) this.objects.set(request.getId(), { urn: request.getUrn(), inputs, outputs });
    return new proto.UpdateResponse().setProperties(struct(outputs));
  }

  #delete(request: InstanceType<typeof proto.DeleteRequest>): unknown {
    if (!this.objects.delete(request.getId()) && !this.#options.forgivesDelete)
      throw new ProviderFault(`no object ${request.getId()}`, { code: status.NOT_FOUND });
    return new emptyProto.Empty();
  }

  #read(request: InstanceType<typeof proto.ReadRequest>): unknown {
    const byUrn =
      this.#options.findsByUrn && request.getId() === ''
        ? [...this.objects].find(([, object]) => object.urn === request.getUrn())?.[0]
        : undefined;
    const id = byUrn ?? request.getId();
    const object = this.objects.get(id);
    if (object === undefined) return new proto.ReadResponse();
    return new proto.ReadResponse().setId(id).setProperties(struct(object.outputs)).setInputs(struct(object.inputs));
  }
}

const { DIFF_NONE, DIFF_SOME, DIFF_UNKNOWN } = proto.DiffResponse.DiffChanges;

function check(request: InstanceType<typeof proto.CheckRequest>): unknown {
  const news = plain(request.getNews()) ?? {};
  const response = new proto.CheckResponse().setInputs(request.getNews());
  if (news['invalid'] !== undefined)
    response.addFailures(new proto.CheckFailure().setProperty('invalid').setReason('must not be set'));
  return response;
}

function diff(request: InstanceType<typeof proto.DiffRequest>): unknown {
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

function diffConfig(request: InstanceType<typeof proto.DiffRequest>): unknown {
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

function describe(method: string, request: AnyRequest): Call {
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
function fault(error: unknown): Partial<ServiceError> {
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

function nameOf(urn: string): string {
  return urn.split('::').slice(3).join('::');
}

function plain(value: InstanceType<typeof structProto.Struct> | undefined): Props | undefined {
  return value?.toJavaScript();
}

function struct(properties: Props): InstanceType<typeof structProto.Struct> {
  return structProto.Struct.fromJavaScript(properties as Parameters<typeof structProto.Struct.fromJavaScript>[0]);
}

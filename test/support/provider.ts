import { randomUUID } from 'node:crypto';
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import type { ServiceError, UntypedServiceImplementation } from '@grpc/grpc-js';
import pluginProto from '@pulumi/pulumi/proto/plugin_pb.js';
import providerRpc from '@pulumi/pulumi/proto/provider_grpc_pb.js';
import proto from '@pulumi/pulumi/proto/provider_pb.js';
import emptyProto from 'google-protobuf/google/protobuf/empty_pb.js';
import type { Call, Props } from './provider-answers.ts';
import { check, describe, diff, diffConfig, fault, nameOf, plain, ProviderFault, struct } from './provider-answers.ts';

export { ProviderFault } from './provider-answers.ts';
export type { Call, Props } from './provider-answers.ts';

/** What a method shall do instead of its usual work. */
export type Behaviour = (call: Call) => Promise<void> | void;

export interface TestProviderOptions {
  readonly acceptSecrets?: boolean;
  /** Finds an object by its URN when Read comes without an id. */
  readonly findsByUrn?: boolean;
  readonly supportsPreview?: boolean;
  /** Takes the deletion of what is gone for done, as every real provider must. */
  readonly forgivesDelete?: boolean;
  /** False for one that knows no Handshake, and says what it can when it is configured. */
  readonly greets?: boolean;
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
  /** Another one after each revival: what was asked of an earlier one has no effect and no answer any more. */
  #server = new Server();
  #afterwards: Behaviour | undefined;
  #underway = 0;

  private constructor(options: TestProviderOptions) {
    this.#options = {
      acceptSecrets: true,
      findsByUrn: false,
      supportsPreview: true,
      forgivesDelete: false,
      greets: true,
      ...options,
    };
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

  /** Sets what is done once a call has had its effect and before it is answered. */
  afterwards(behaviour: Behaviour): void {
    this.#afterwards = behaviour;
  }

  /** `method name` of the calls of the given methods, in order. */
  log(...methods: string[]): string[] {
    const wanted = methods.length === 0 ? ['create', 'update', 'delete', 'read'] : methods;
    return this.calls
      .filter((call) => wanted.includes(call.method) && !call.preview)
      .map((call) => `${call.method} ${call.name}`);
  }

  /** How many calls have come and not yet ended. */
  get underway(): number {
    return this.#underway;
  }

  /** Names of the existing objects. */
  get existing(): string[] {
    return [...this.objects.values()].map(({ urn }) => nameOf(urn)).toSorted();
  }

  reset(): void {
    this.calls.length = 0;
    this.#behaviours.clear();
  }

  /** Stops serving; calls under way end without an answer and without effect, as when a provider is killed. */
  stop(): void {
    this.#server.forceShutdown();
    this.#server = new Server();
  }

  /** Listens again, on the same port unless told otherwise. */
  async revive(port = Number(this.address.split(':')[1])): Promise<void> {
    this.#server = new Server();
    await this.#listen(port);
  }

  async #listen(port: number): Promise<void> {
    const methods: Record<string, (request: never, call: Call) => unknown> = {
      ...(this.#options.greets ? { handshake: () => this.#handshake() } : {}),
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
    const server = this.#server;
    const call = describe(method, request);
    this.calls.push(call);
    this.#underway += 1;
    try {
      await this.#behaviour(method, call)?.(call);
      if (server !== this.#server) return;
      const response = answer(request, call);
      await this.#afterwards?.(call);
      if (server === this.#server) callback(null, response);
    } catch (error) {
      if (server === this.#server) callback(fault(error));
    } finally {
      this.#underway -= 1;
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
    if (!request.getPreview()) {
      if (!this.objects.has(request.getId()))
        throw new ProviderFault(`no object ${request.getId()}`, { code: status.NOT_FOUND });
      this.objects.set(request.getId(), { urn: request.getUrn(), inputs, outputs });
    }
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

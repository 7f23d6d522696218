import { randomBytes } from 'node:crypto';
import { provider } from '../protocol/messages.ts';
import type { ProviderConnection } from './connection.ts';
import { ProviderFailure } from './failure.ts';
import type { Diff } from '../values/difference.ts';
import { readDiff } from './diff.ts';
import type { StoredResource } from '../state/schema.ts';
import { parseUrn, typeOf } from '../values/urn.ts';
import type { Properties } from '../values/value.ts';
import { contains, isUnknown } from '../values/value.ts';
import { fromProviderStruct, fromStruct, toProviderStruct } from '../protocol/wire.ts';

export interface CheckFailure {
  readonly property: string;
  readonly reason: string;
}

/** What a provider made, changed or found. */
export interface ObjectState {
  readonly id: string;
  readonly outputs: Properties;
  readonly inputs?: Properties | undefined;
}

/** What a provider that is not configured yet would answer: some change, nobody can say which. */
const UNKNOWN_DIFF: Diff = { changes: 'some', replaces: [], diffs: [], detailed: {}, deleteBeforeReplace: false };
/** Added to a custom timeout, so that a provider that keeps it can still say so. */
const MARGIN_MS = 30_000;

type Timeouts = StoredResource['customTimeouts'];

/**
 * One configured provider's create, read, update and delete. A provider whose configuration holds unknowns (preview only) is
 * never called: its answers are all unknown.
 */
export class ProviderInstance {
  readonly connection: ProviderConnection;
  readonly #callMs: number;
  readonly unknownConfig: boolean;

  constructor(connection: ProviderConnection, callMs: number, unknownConfig: boolean) {
    this.connection = connection;
    this.#callMs = callMs;
    this.unknownConfig = unknownConfig;
  }

  /** Validates inputs and fills in defaults; `olds` are the previous inputs. */
  async check(
    urn: string,
    olds: Properties | undefined,
    news: Properties,
  ): Promise<{ inputs: Properties; failures: readonly CheckFailure[] }> {
    if (this.unknownConfig) return { inputs: news, failures: [] };
    const request = named(new provider.CheckRequest(), urn);
    request.setOlds(this.#struct(olds ?? {}));
    request.setNews(this.#struct(news));
    request.setRandomseed(randomBytes(32));
    const answer = await this.connection.call<provider.CheckRequest, provider.CheckResponse>(
      (client) => client.check.bind(client),
      request,
      this.#callMs,
    );
    const failures = answer
      .getFailuresList()
      .map((failure) => ({ property: failure.getProperty(), reason: failure.getReason() }));
    return { inputs: fromProviderStruct(answer.getInputs(), news, this.#accepts), failures };
  }

  /** Compares what exists with what is wanted. */
  async diff(
    old: StoredResource & ObjectState & { inputs: Properties },
    news: Properties,
    ignoreChanges: readonly string[],
  ): Promise<Diff> {
    if (this.unknownConfig) return UNKNOWN_DIFF;
    const request = named(new provider.DiffRequest(), old.urn);
    request.setId(old.id);
    request.setOlds(this.#struct(old.outputs));
    request.setOldInputs(this.#struct(old.inputs));
    request.setNews(this.#struct(news));
    request.setIgnorechangesList([...ignoreChanges]);
    return readDiff(
      await this.connection.call<provider.DiffRequest, provider.DiffResponse>(
        (client) => client.diff.bind(client),
        request,
        this.#callMs,
      ),
    );
  }

  /** Makes an object. In a preview nothing is made and the id may be empty. */
  async create(urn: string, inputs: Properties, timeouts: Timeouts, preview: boolean): Promise<ObjectState> {
    if (this.unknownConfig) return { id: '', outputs: {} };
    if (preview && !this.connection.capabilities.preview) return { id: '', outputs: inputs };
    const request = named(new provider.CreateRequest(), urn);
    request.setProperties(this.#struct(inputs));
    request.setTimeout(timeouts?.create ?? 0);
    request.setPreview(preview);
    const answer = await this.connection.call<provider.CreateRequest, provider.CreateResponse>(
      (client) => client.create.bind(client),
      request,
      this.#deadline(timeouts?.create),
    );
    const id = answer.getId();
    const outputs = fromProviderStruct(answer.getProperties(), inputs, this.#accepts);
    if (preview) return { id, outputs };
    if (id === '')
      throw new ProviderFailure(`plugin returned empty resource.ID from create '${urn}'`, { fate: 'unknown' });
    if (contains(outputs, isUnknown)) throw halfDone(id, outputs, 'answered with an unknown value outside a preview');
    if (answer.getRefreshBeforeUpdate()) throw halfDone(id, outputs, REFRESH_FIRST);
    return { id, outputs };
  }

  /** Changes an object. */
  async update(
    old: StoredResource & ObjectState & { inputs: Properties },
    news: Properties,
    ignoreChanges: readonly string[],
    timeouts: Timeouts,
    preview: boolean,
  ): Promise<Properties> {
    if (this.unknownConfig) return {};
    if (preview && !this.connection.capabilities.preview) return news;
    const request = named(new provider.UpdateRequest(), old.urn);
    request.setId(old.id);
    request.setOlds(this.#struct(old.outputs));
    request.setOldInputs(this.#struct(old.inputs));
    request.setNews(this.#struct(news));
    request.setTimeout(timeouts?.update ?? 0);
    request.setIgnorechangesList([...ignoreChanges]);
    request.setPreview(preview);
    const answer = await this.connection.call<provider.UpdateRequest, provider.UpdateResponse>(
      (client) => client.update.bind(client),
      request,
      this.#deadline(timeouts?.update),
    );
    const outputs = fromProviderStruct(answer.getProperties(), news, this.#accepts);
    if (!preview && contains(outputs, isUnknown))
      throw halfDone(old.id, outputs, 'answered with an unknown value outside a preview');
    if (answer.getRefreshBeforeUpdate()) throw halfDone(old.id, outputs, REFRESH_FIRST);
    return outputs;
  }

  /** Removes an object. */
  async delete(urn: string, id: string, inputs: Properties, outputs: Properties, timeouts: Timeouts): Promise<void> {
    const request = named(new provider.DeleteRequest(), urn);
    request.setId(id);
    request.setProperties(this.#struct(outputs));
    request.setOldInputs(this.#struct(inputs));
    request.setTimeout(timeouts?.delete ?? 0);
    await this.connection.call<provider.DeleteRequest, unknown>(
      (client) => client.delete.bind(client),
      request,
      this.#deadline(timeouts?.delete),
    );
  }

  /** Looks at an object; an empty id in the answer means that there is none. */
  async read(
    urn: string,
    id: string,
    inputs: Properties | undefined,
    outputs: Properties,
    timeouts: Timeouts,
  ): Promise<ObjectState> {
    if (this.unknownConfig) return { id, outputs: {} };
    const request = named(new provider.ReadRequest(), urn);
    request.setId(id);
    request.setProperties(this.#struct(outputs));
    if (inputs !== undefined) request.setInputs(this.#struct(inputs));
    request.setTimeout(timeouts?.read ?? 0);
    const answer = await this.connection.call<provider.ReadRequest, provider.ReadResponse>(
      (client) => client.read.bind(client),
      request,
      this.#deadline(timeouts?.read),
    );
    const sent = { ...outputs, ...inputs };
    const found = answer.hasInputs() ? fromProviderStruct(answer.getInputs(), sent, this.#accepts) : undefined;
    return {
      id: answer.getId(),
      outputs: fromProviderStruct(answer.getProperties(), sent, this.#accepts),
      inputs: found,
    };
  }

  /** Calls a function of the provider. */
  async invoke(
    token: string,
    args: Properties,
    preview: boolean,
  ): Promise<{ result: Properties; failures: readonly CheckFailure[] }> {
    if (this.unknownConfig) return { result: {}, failures: [] };
    const request = new provider.InvokeRequest();
    request.setTok(token);
    request.setArgs(this.#struct(args));
    request.setPreview(preview);
    const answer = await this.connection.call<provider.InvokeRequest, provider.InvokeResponse>(
      (client) => client.invoke.bind(client),
      request,
      this.#callMs,
    );
    const failures = answer
      .getFailuresList()
      .map((failure) => ({ property: failure.getProperty(), reason: failure.getReason() }));
    return { result: fromStruct(answer.getReturn()), failures };
  }

  get #accepts(): ProviderConnection['capabilities']['accepts'] {
    return this.connection.capabilities.accepts;
  }

  #struct(properties: Properties): ReturnType<typeof toProviderStruct> {
    return toProviderStruct(properties, this.#accepts);
  }

  /** The engine's bound on a call: the resource's own timeout and a margin, else the engine's. */
  #deadline(seconds: number | undefined): number {
    return seconds === undefined || seconds === 0 ? this.#callMs : seconds * 1000 + MARGIN_MS;
  }
}

function named<
  T extends { setUrn(urn: string): unknown; setName(name: string): unknown; setType(type: string): unknown },
>(request: T, urn: string): T {
  request.setUrn(urn);
  request.setName(parseUrn(urn).name);
  request.setType(typeOf(urn));
  return request;
}

/** A feature we said we do not have. */
const REFRESH_FIRST = 'demands refreshBeforeUpdate, which the embedded engine does not support';

/** The object exists, but the answer is not one to go on with: kept as an object that is not as it should be. */
function halfDone(id: string, outputs: Properties, what: string): ProviderFailure {
  const reason = `the provider ${what}`;
  const known = Object.fromEntries(Object.entries(outputs).filter(([, value]) => !contains(value, isUnknown)));
  return new ProviderFailure(reason, {
    fate: 'decided',
    partial: { id, properties: known, inputs: undefined, reasons: [reason] },
  });
}

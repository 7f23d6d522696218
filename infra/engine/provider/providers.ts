import { EngineError } from '../errors.ts';
import type { CheckFailure } from './instance.ts';
import { ProviderInstance } from './instance.ts';
import type { Diff } from '../values/difference.ts';
import { readDiff } from './diff.ts';
import { ProviderConnection } from './connection.ts';
import { compareInputs } from '../values/difference.ts';
import { provider } from '../protocol/messages.ts';
import { ProviderFailure } from './failure.ts';
import type { State } from '../state/schema.ts';
import { packageOf, parseReference, parseUrn, typeOf } from '../values/urn.ts';
import type { Properties } from '../values/value.ts';
import { contains, isUnknown, omit, reveal, UNKNOWN } from '../values/value.ts';
import { fromStruct, toStruct } from '../protocol/wire.ts';

export interface ProvidersOptions {
  /** Where each package's provider listens, `HOST:PORT`. */
  readonly addresses: ReadonlyMap<string, string>;
  /** Where our own Engine service listens: providers log there. */
  readonly engineAddress: string;
  /** Bound on a provider call without a timeout of its own. */
  readonly callMs: number;
  /** The state before this operation: providers that only old resources need are loaded from it. */
  readonly base: readonly State[];
}

/** Names the engine keeps in a provider's inputs that the provider must not see. */
const INTERNAL = '__internal';

/**
 * The providers of one operation. A provider resource's create, update and delete are done here: check connects and asks
 * CheckConfig, create configures the checked connection under a fresh id. What only the old state needs is loaded from it.
 */
export class Providers {
  readonly #options: ProvidersOptions;
  readonly #byUrn = new Map<string, ProviderConnection>();
  readonly #instances = new Map<string, Promise<ProviderInstance>>();
  readonly #connections = new Set<ProviderConnection>();

  constructor(options: ProvidersOptions) {
    this.#options = options;
  }

  /** Connects to a provider and validates its configuration. */
  async check(urn: string, news: Properties): Promise<{ inputs: Properties; failures: readonly CheckFailure[] }> {
    const connection = await this.#connect(packageOf(typeOf(urn)));
    this.#byUrn.set(urn, connection);
    const request = new provider.CheckRequest();
    request.setUrn(urn);
    request.setName(parseUrn(urn).name);
    request.setType(typeOf(urn));
    request.setOlds(toStruct({}));
    request.setNews(toStruct(withoutInternal(reveal(news) as Properties)));
    const answer = await ifImplemented(
      connection.call<provider.CheckRequest, provider.CheckResponse>(
        (client) => client.checkConfig.bind(client),
        request,
        this.#options.callMs,
      ),
    );
    if (answer === undefined) return { inputs: news, failures: [] };
    const failures = answer
      .getFailuresList()
      .map((failure) => ({ property: failure.getProperty(), reason: failure.getReason() }));
    return { inputs: keepSecretsAndVersion(fromStruct(answer.getInputs()), news), failures };
  }

  /** Compares a provider's configuration, by the provider's own word where it gives one. */
  async diff(urn: string, old: State, news: Properties): Promise<Diff> {
    const connection = this.#byUrn.get(urn);
    const request = new provider.DiffRequest();
    request.setUrn(urn);
    request.setName(parseUrn(urn).name);
    request.setType(typeOf(urn));
    request.setId(old.id ?? '');
    request.setOlds(toStruct(withoutInternal(reveal(old.outputs) as Properties)));
    request.setOldInputs(toStruct(withoutInternal(reveal(old.inputs) as Properties)));
    request.setNews(toStruct(withoutInternal(reveal(news) as Properties)));
    const answer =
      connection === undefined
        ? undefined
        : await ifImplemented(
            connection.call<provider.DiffRequest, provider.DiffResponse>(
              (client) => client.diffConfig.bind(client),
              request,
              this.#options.callMs,
            ),
          );
    const diff = answer === undefined ? undefined : readDiff(answer);
    if (diff !== undefined && diff.changes !== 'unknown') return diff;
    return compareInputs(diff === undefined ? old.inputs : old.outputs, withoutInternal(news));
  }

  /** Makes the checked connection of a provider resource usable under a reference. */
  async configure(urn: string, id: string, inputs: Properties): Promise<void> {
    const connection = this.#byUrn.get(urn) ?? (await this.#connect(packageOf(typeOf(urn))));
    const instance = this.#configured(connection, urn, id, inputs);
    this.#instances.set(`${urn}::${id}`, instance);
    await instance;
  }

  /** The instance a resource refers to, loaded from the old state if this run has not registered it. */
  get(reference: string): Promise<ProviderInstance> {
    const known = this.#instances.get(reference);
    if (known !== undefined) return known;
    const { urn, id } = parseReference(reference);
    const state = this.#options.base.find((candidate) => candidate.urn === urn && candidate.id === id);
    if (state === undefined)
      return Promise.reject(new EngineError('operation_failed', `could not find provider ${reference}`));
    const instance = this.#connect(packageOf(state.type)).then((connection) =>
      this.#configured(connection, urn, id, state.inputs),
    );
    this.#instances.set(reference, instance);
    return instance;
  }

  /** Tells all providers to stop what they do. */
  async cancel(): Promise<void> {
    await Promise.all([...this.#connections].map((connection) => connection.cancel()));
  }

  close(): void {
    for (const connection of this.#connections) connection.close();
    this.#connections.clear();
  }

  async #connect(name: string): Promise<ProviderConnection> {
    const address = this.#options.addresses.get(name);
    if (address === undefined) {
      throw new EngineError(
        'operation_failed',
        `no provider is attached for package '${name}': expected its address in PULUMI_DEBUG_PROVIDERS; the embedded engine starts no plugins`,
      );
    }
    const connection = await ProviderConnection.open(name, address, this.#options.engineAddress);
    this.#connections.add(connection);
    return connection;
  }

  async #configured(
    connection: ProviderConnection,
    urn: string,
    id: string,
    inputs: Properties,
  ): Promise<ProviderInstance> {
    const unknown = contains(inputs, isUnknown);
    if (!unknown) {
      const answer = await ifImplemented(
        connection.call<provider.ConfigureRequest, provider.ConfigureResponse>(
          (client) => client.configure.bind(client),
          configureRequest(urn, id, inputs),
          this.#options.callMs,
        ),
      );
      if (answer !== undefined) connection.learn(answer);
    }
    return new ProviderInstance(connection, this.#options.callMs, unknown);
  }
}

/** The id of a provider in a preview, before it exists. */
export const UNKNOWN_ID = UNKNOWN;

function configureRequest(urn: string, id: string, inputs: Properties): provider.ConfigureRequest {
  const visible = omit(inputs, INTERNAL, 'version');
  const request = new provider.ConfigureRequest();
  request.setUrn(urn);
  request.setName(parseUrn(urn).name);
  request.setType(typeOf(urn));
  request.setId(id);
  request.setAcceptsecrets(true);
  request.setAcceptresources(true);
  request.setSendsOldInputs(true);
  request.setSendsOldInputsToDelete(true);
  request.setArgs(toStruct(withoutInternal(inputs)));
  for (const [key, value] of Object.entries(reveal(visible) as Properties)) {
    request
      .getVariablesMap()
      .set(`${packageOf(typeOf(urn))}:config:${key}`, typeof value === 'string' ? value : JSON.stringify(value));
  }
  return request;
}

/** Inputs as a provider may see them. */
export function withoutInternal(inputs: Properties): Properties {
  return omit(inputs, INTERNAL);
}

/** CheckConfig gets plain values: secrets are marked again, and a `version` it dropped is put back. */
function keepSecretsAndVersion(checked: Properties, news: Properties): Properties {
  const inputs: Record<string, Properties[string]> = { ...checked };
  for (const key of ['version', INTERNAL]) {
    const value = news[key];
    if (value === undefined) continue;
    if (key === 'version' && checked[key] !== undefined && checked[key] !== value) {
      throw new EngineError(
        'operation_failed',
        `the provider changed its own version from ${JSON.stringify(value)} to ${JSON.stringify(checked[key])}`,
      );
    }
    inputs[key] = value;
  }
  for (const [key, value] of Object.entries(news)) {
    if (JSON.stringify(reveal(value)) === JSON.stringify(inputs[key])) inputs[key] = value;
  }
  return inputs;
}

async function ifImplemented<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof ProviderFailure && isMissingMethod(error)) return undefined;
    throw error;
  }
}

function isMissingMethod(error: ProviderFailure): boolean {
  const { cause } = error;
  return cause instanceof Error && 'code' in cause && cause.code === 12;
}

import { EngineError, messageOf } from '../errors.ts';
import { withTimeout } from '../protocol/deadline.ts';
import { CHANNEL_OPTIONS, Empty, plugin, provider, providerRpc } from '../protocol/messages.ts';
import { isUnimplemented, readFailure } from './failure.ts';
import type { UnaryMethod } from '../protocol/rpc.ts';
import { callUnary, PLAINTEXT, untilReady } from '../protocol/rpc.ts';
import type { Accepts } from '../protocol/wire.ts';

/** How long a provider may take to accept the connection and to say what it is. */
const CONNECT_MS = 10_000;
/** How long a provider may take to acknowledge that the operation is over or cancelled. */
const CANCEL_MS = 5_000;

/** What a provider said of itself. */
export interface Capabilities {
  readonly accepts: Accepts;
  readonly preview: boolean;
}

export type ProviderClient = InstanceType<typeof providerRpc.ResourceProviderClient>;
type Methods<Request, Response> = (client: ProviderClient) => UnaryMethod<Request, Response>;

/** A connection to one provider, its greetings exchanged. */
export class ProviderConnection {
  readonly name: string;
  readonly #client: ProviderClient;
  readonly #closing = new AbortController();
  #capabilities: Capabilities;
  readonly #greeted: boolean;

  private constructor(name: string, client: ProviderClient, capabilities: Capabilities | undefined) {
    this.name = name;
    this.#client = client;
    this.#greeted = capabilities !== undefined;
    this.#capabilities = capabilities ?? { accepts: { secrets: false, references: false }, preview: false };
  }

  /** Connects, waits until the provider is ready, and greets it: Handshake, Attach, GetPluginInfo. */
  static async open(name: string, address: string, engineAddress: string): Promise<ProviderConnection> {
    const client = new providerRpc.ResourceProviderClient(address, PLAINTEXT, CHANNEL_OPTIONS);
    try {
      await untilReady(client, CONNECT_MS);
      const capabilities = await handshake(client, engineAddress);
      const attach = new plugin.PluginAttach();
      attach.setAddress(engineAddress);
      await optional(callUnary<plugin.PluginAttach, unknown>(client.attach.bind(client), attach, CONNECT_MS));
      await optional(
        callUnary<InstanceType<typeof Empty>, unknown>(client.getPluginInfo.bind(client), new Empty(), CONNECT_MS),
      );
      return new ProviderConnection(name, client, capabilities);
    } catch (error) {
      client.close();
      throw new EngineError(
        'operation_failed',
        `could not load the provider of package '${name}' at ${address}: ${messageOf(error)}`,
        { cause: error },
      );
    }
  }

  get capabilities(): Capabilities {
    return this.#capabilities;
  }

  /** A provider without Handshake tells its capabilities when it is configured. */
  learn(answer: provider.ConfigureResponse): void {
    if (this.#greeted) return;
    this.#capabilities = {
      accepts: { secrets: answer.getAcceptsecrets(), references: answer.getAcceptresources() },
      preview: answer.getSupportspreview(),
    };
  }

  /** Calls a method; what fails is a ProviderFailure. */
  async call<Request, Response>(
    method: Methods<Request, Response>,
    request: Request,
    deadlineMs: number,
  ): Promise<Response> {
    try {
      return await callUnary(method(this.#client), request, deadlineMs, this.#closing.signal);
    } catch (error) {
      throw readFailure(error);
    }
  }

  /** Tells the provider to stop what it is doing. It may not know the call, and may be gone. */
  async cancel(): Promise<void> {
    await withTimeout(
      callUnary<InstanceType<typeof Empty>, unknown>(
        this.#client.cancel.bind(this.#client),
        new Empty(),
        CANCEL_MS,
      ).catch(() => undefined),
      CANCEL_MS,
    );
  }

  /** Closes the connection; calls under way end without an answer. */
  close(): void {
    this.#closing.abort();
    this.#client.close();
  }
}

/** Undefined if the provider has no Handshake. */
async function handshake(client: ProviderClient, engineAddress: string): Promise<Capabilities | undefined> {
  const request = new provider.ProviderHandshakeRequest();
  request.setEngineAddress(engineAddress);
  request.setConfigureWithUrn(true);
  request.setInvokeWithPreview(true);
  const answer = await optional(
    callUnary<provider.ProviderHandshakeRequest, provider.ProviderHandshakeResponse>(
      client.handshake.bind(client),
      request,
      CONNECT_MS,
    ),
  );
  if (answer === undefined) return undefined;
  return { accepts: { secrets: answer.getAcceptSecrets(), references: answer.getAcceptResources() }, preview: true };
}

/** The answer, or undefined if the provider does not have the method. */
async function optional<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isUnimplemented(error)) return undefined;
    throw error;
  }
}

import { credentials, Metadata, Server, ServerCredentials, status } from '@grpc/grpc-js';
import type {
  Client,
  handleUnaryCall,
  sendUnaryData,
  ServiceDefinition,
  ServiceError,
  UntypedHandleCall,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { CHANNEL_OPTIONS } from './messages.ts';

/** Answers one unary request; what it throws becomes the call's status. */
export type Handler = (request: never) => Promise<unknown>;
export type Handlers = Readonly<Record<string, Handler>>;

/** A failure with the gRPC status the caller shall see. */
export class RpcFailure extends Error {
  readonly code: status;
  constructor(code: status, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'RpcFailure';
    this.code = code;
  }
}

/** Serves unary methods on a free port of 127.0.0.1; a method without handler answers UNIMPLEMENTED by its name. */
export async function serve(
  services: readonly (readonly [ServiceDefinition, Handlers])[],
): Promise<{ address: string; close: () => void }> {
  const server = new Server(CHANNEL_OPTIONS);
  for (const [definition, handlers] of services) server.addService(definition, implement(definition, handlers));
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
      if (error) reject(error);
      else resolve(bound);
    });
  });
  return {
    address: `127.0.0.1:${port}`,
    close: () => {
      server.forceShutdown();
    },
  };
}

/** A unary method of a generated client, as grpc-js types its longest overload. */
export type UnaryMethod<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: { deadline?: Date },
  callback: (error: ServiceError | null, response: Response) => void,
) => { cancel: () => void };

/** Calls a unary method with a deadline in milliseconds; an aborted signal cancels the call. */
export function callUnary<Request, Response>(
  method: UnaryMethod<Request, Response>,
  request: Request,
  deadlineMs: number,
  signal?: AbortSignal,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      call.cancel();
    };
    const call = method(request, new Metadata(), { deadline: new Date(Date.now() + deadlineMs) }, (error, response) => {
      signal?.removeEventListener('abort', onAbort);
      if (error) reject(error);
      else resolve(response);
    });
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted === true) onAbort();
  });
}

/** Resolves when the other end has accepted the connection; rejects when it has not in time. */
export function untilReady(client: Client, milliseconds: number): Promise<void> {
  return new Promise((resolve, reject) => {
    client.waitForReady(Date.now() + milliseconds, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}

/** True when the error came over gRPC, with its status code. */
export function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' && 'details' in error;
}

/** Credentials of every connection here: all ends are on this machine's loopback. */
export const PLAINTEXT = credentials.createInsecure();

function implement(definition: ServiceDefinition, handlers: Handlers): UntypedServiceImplementation {
  const implementation: UntypedServiceImplementation = {};
  for (const method of Object.keys(definition)) {
    const handler = handlers[method];
    const serveCall: handleUnaryCall<never, unknown> = (call, callback) => {
      if (handler === undefined) {
        callback({ code: status.UNIMPLEMENTED, details: `${method} is not supported by the embedded engine` });
        return;
      }
      void answer(handler, call.request, callback);
    };
    implementation[method] = serveCall as UntypedHandleCall;
  }
  return implementation;
}

async function answer(handler: Handler, request: never, callback: sendUnaryData<unknown>): Promise<void> {
  try {
    callback(null, await handler(request));
  } catch (error) {
    const code = error instanceof RpcFailure ? error.code : status.UNKNOWN;
    callback({ code, details: error instanceof Error ? error.message : String(error) });
  }
}

import grpc from '@grpc/grpc-js';
import providerGrpc from '@pulumi/pulumi/proto/provider_grpc_pb.js';
import { type Answer, type Answers, answers } from './answers.ts';
import type { Resources } from './resource.ts';

/** A provider that listens; `close` ends it and every call under way. */
export interface ServedProvider {
  /** `127.0.0.1:PORT`, for either engine to attach to. */
  readonly address: string;
  close(): void;
}

/** Serves resources over Pulumi's provider protocol, in this process, on loopback. */
export function serveProvider(resources: Resources): Promise<ServedProvider> {
  return serveAnswers(answers(resources));
}

/**
 * Serves any answers to the protocol's methods.
 * The raw service rather than the SDK's `provider.main`: no second process, no SDK import, and the calls `main` never passes on.
 */
export async function serveAnswers(ours: Answers): Promise<ServedProvider> {
  const server = new grpc.Server();
  server.addService(providerGrpc.ResourceProviderService, implementation(ours));
  const port = await listen(server);
  return {
    address: `127.0.0.1:${port}`,
    close: () => {
      server.forceShutdown();
    },
  };
}

/** Methods that are not ours are answered "unimplemented" by the server itself, which both engines understand. */
function implementation(ours: Answers): grpc.UntypedServiceImplementation {
  return Object.fromEntries(Object.entries(ours).map(([method, answer]) => [method, unary(answer)]));
}

function unary(answer: Answer): grpc.handleUnaryCall<unknown, unknown> {
  const ask = async (request: never): Promise<unknown> => answer(request);
  return (call, callback) => {
    ask(call.request as never).then(
      (response) => {
        callback(null, response);
      },
      (failure: unknown) => {
        callback(failure as grpc.ServiceError);
      },
    );
  };
}

async function listen(server: grpc.Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else reject(error);
    });
  });
}

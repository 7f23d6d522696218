/**
 * Programs that speak Pulumi's protocols themselves, without the SDK: one language server for all of them, by stack. They cost a tenth of an SDK
 * program, and register as wildly as the protocol allows: whatever is not held back by a dependency comes at the same moment.
 */
import { credentials, Server, ServerCredentials } from '@grpc/grpc-js';
import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import languageRpc from '@pulumi/pulumi/proto/language_grpc_pb.js';
import language from '@pulumi/pulumi/proto/language_pb.js';
import resourceRpc from '@pulumi/pulumi/proto/resource_grpc_pb.js';
import resource from '@pulumi/pulumi/proto/resource_pb.js';
import emptyProto from 'google-protobuf/google/protobuf/empty_pb.js';
import { struct } from '../../support/provider-answers.ts';
import type { Props } from '../../support/provider.ts';

/** What a program can ask of the engine; each rejects where the engine has ended or refuses. */
export interface Monitor {
  register(goal: RawGoal): Promise<RawResource>;
  /** Tells a component's outputs. */
  outputs(urn: string, outputs: Props): Promise<void>;
}

export interface RawGoal {
  readonly type: string;
  readonly name: string;
  readonly custom?: boolean;
  readonly parent?: string;
  readonly inputs?: Props;
  /** URNs by input key. */
  readonly needs?: Readonly<Record<string, readonly string[]>>;
  readonly provider?: string;
  readonly providers?: Readonly<Record<string, string>>;
  readonly deletedWith?: string;
}

export interface RawResource {
  readonly urn: string;
  readonly id: string;
  /** False for what failed or was skipped under continueOnError. */
  readonly exists: boolean;
}

export type RawProgram = (monitor: Monitor) => Promise<void>;

/** Serves the programs it is given, each to the stack of its name. */
export class RawLanguage implements Disposable {
  readonly #server = new Server();
  readonly #programs = new Map<string, RawProgram>();
  address = '';

  static async start(): Promise<RawLanguage> {
    const served = new RawLanguage();
    const implementation = {
      run: (
        call: { request: language.RunRequest },
        callback: (error: Error | null, response?: language.RunResponse) => void,
      ) => {
        served.#run(call.request).then(
          () => {
            callback(null, new language.RunResponse());
          },
          (error: unknown) => {
            callback(error as Error);
          },
        );
      },
    } as unknown as UntypedServiceImplementation;
    served.#server.addService(languageRpc.LanguageRuntimeService, implementation);
    served.address = await new Promise<string>((resolve, reject) => {
      served.#server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
        if (error) reject(error);
        else resolve(`127.0.0.1:${port}`);
      });
    });
    return served;
  }

  /** What the stack's next operation shall run. */
  serve(stack: string, program: RawProgram): void {
    this.#programs.set(stack, program);
  }

  [Symbol.dispose](): void {
    this.#server.forceShutdown();
  }

  async #run(request: language.RunRequest): Promise<void> {
    const program = this.#programs.get(request.getStack());
    if (program === undefined) throw new Error(`no program for stack ${request.getStack()}`);
    const client = new resourceRpc.ResourceMonitorClient(request.getMonitorAddress(), credentials.createInsecure());
    try {
      await program(monitorOf(client));
      await ask<emptyProto.Empty>((done) => client.signalAndWaitForShutdown(new emptyProto.Empty(), done));
    } finally {
      client.close();
    }
  }
}

type Client = InstanceType<typeof resourceRpc.ResourceMonitorClient>;

function monitorOf(client: Client): Monitor {
  return {
    register: async (goal) => {
      const answer = await ask<resource.RegisterResourceResponse>((done) =>
        client.registerResource(requestOf(goal), done),
      );
      return {
        urn: answer.getUrn(),
        id: answer.getId(),
        exists: answer.getResult() === resource.Result.SUCCESS,
      };
    },
    outputs: async (urn, outputs) => {
      const request = new resource.RegisterResourceOutputsRequest();
      request.setUrn(urn).setOutputs(struct(outputs));
      await ask<emptyProto.Empty>((done) => client.registerResourceOutputs(request, done));
    },
  };
}

function requestOf(goal: RawGoal): resource.RegisterResourceRequest {
  const request = new resource.RegisterResourceRequest();
  request
    .setType(goal.type)
    .setName(goal.name)
    .setCustom(goal.custom ?? false)
    .setParent(goal.parent ?? '')
    .setObject(struct(goal.inputs ?? {}))
    .setProvider(goal.provider ?? '')
    .setDeletedwith(goal.deletedWith ?? '')
    .setAcceptsecrets(true)
    .setDependenciesList([...new Set(Object.values(goal.needs ?? {}).flat())]);
  for (const key of Object.keys(goal.inputs ?? {})) {
    const needs = new resource.RegisterResourceRequest.PropertyDependencies();
    request.getPropertydependenciesMap().set(key, needs.setUrnsList([...(goal.needs?.[key] ?? [])]));
  }
  for (const [name, reference] of Object.entries(goal.providers ?? {})) request.getProvidersMap().set(name, reference);
  return request;
}

function ask<T>(call: (done: (error: Error | null, answer: T) => void) => unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, answer) => {
      if (error) reject(error);
      else resolve(answer);
    });
  });
}

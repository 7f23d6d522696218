import { status } from '@grpc/grpc-js';
import { messageOf, refuse } from '../errors.ts';
import { isForeignBuiltIn, readGoal } from '../run/goal.ts';
import { invoke } from './invoke.ts';
import { Empty, resource } from '../protocol/messages.ts';
import type { Registrar, Registration } from './registrar.ts';
import type { Handlers } from '../protocol/rpc.ts';
import { RpcFailure } from '../protocol/rpc.ts';
import type { Run } from '../run/run.ts';
import { fromStruct, toStruct } from '../protocol/wire.ts';

const FEATURES = resource.ResourceMonitorFeature;
/** What the SDK may rely on. Whatever is missing here the SDK itself refuses with a clear error. */
const SUPPORTED: Readonly<Record<string, resource.ResourceMonitorFeature>> = {
  secrets: FEATURES.RESOURCE_MONITOR_FEATURE_SECRETS,
  resourceReferences: FEATURES.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES,
  aliasSpecs: FEATURES.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
  deletedWith: FEATURES.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
};

/** Result of a registration that was not tried because something it needs failed; the SDK's typings lack it. */
const { SKIP } = resource.Result as unknown as Record<'SKIP', resource.Result>;
const RESULTS = { success: resource.Result.SUCCESS, failed: resource.Result.FAIL, skipped: SKIP };

/** What happens when the program says that it will register nothing more. */
export interface ShutdownSignal {
  /** Resolves when all steps, deletes included, are done. */
  signalled(): Promise<void>;
}

/** The ResourceMonitor service: what a program asks of the engine. */
export function monitorHandlers(run: Run, registrar: Registrar, shutdown: ShutdownSignal): Handlers {
  let isSignalled = false;
  return {
    getDeploymentInfo: () => Promise.resolve(deploymentInfo(run)),
    supportsFeature: (request: resource.SupportsFeatureRequest) => {
      const response = new resource.SupportsFeatureResponse();
      response.setHassupport(Object.hasOwn(SUPPORTED, request.getId()));
      return Promise.resolve(response);
    },
    registerResource: async (request: resource.RegisterResourceRequest) =>
      registerResponse(await registrar.register(refusing(run, () => readGoal(request)))),
    registerResourceOutputs: (request: resource.RegisterResourceOutputsRequest) => {
      registrar.registerOutputs(request.getUrn(), fromStruct(request.getOutputs()));
      return Promise.resolve(new Empty());
    },
    readResource: async (request: resource.ReadResourceRequest) => readResource(run, registrar, request),
    invoke: async (request: resource.ResourceInvokeRequest) => invoke(run, registrar, request),
    signalAndWaitForShutdown: async () => {
      if (isSignalled) throw new RpcFailure(status.FAILED_PRECONDITION, 'SignalAndWaitForShutdown was called twice');
      isSignalled = true;
      await shutdown.signalled();
      return new Empty();
    },
    call: () => unsupported('Call'),
    registerPackage: () => unsupported('RegisterPackage (parameterized packages)'),
    registerStackTransform: () => unsupported('RegisterStackTransform'),
    registerStackInvokeTransform: () => unsupported('RegisterStackInvokeTransform'),
    registerResourceHook: () => unsupported('RegisterResourceHook'),
    registerErrorHook: () => unsupported('RegisterErrorHook'),
    existsResource: () => unsupported('ExistsResource'),
  };
}

function unsupported(feature: string): Promise<never> {
  return Promise.reject(new RpcFailure(status.UNIMPLEMENTED, `embedded engine: ${feature} is not supported`));
}

/** A refused feature ends the operation: the program shall not go on without it. */
function refusing<T>(run: Run, read: () => T): T {
  try {
    return read();
  } catch (error) {
    run.reporter.diagnostic('error', messageOf(error));
    run.halt();
    throw new RpcFailure(status.UNAVAILABLE, messageOf(error), { cause: error });
  }
}

function deploymentInfo(run: Run): resource.DeploymentInfo {
  const { options } = run;
  const info = new resource.DeploymentInfo();
  info.setProject(options.project);
  info.setStack(options.stack);
  info.setOrganization('organization');
  for (const [key, value] of options.config) info.getConfigMap().set(key, value);
  info.setConfigsecretkeysList([...options.secretKeys]);
  info.setDryrun(options.preview);
  info.setParallel(options.parallel);
  info.setSupportedfeaturesList(Object.values(SUPPORTED));
  return info;
}

/** A component's answer holds no outputs: the program has them itself. */
function registerResponse(registration: Registration): resource.RegisterResourceResponse {
  const response = new resource.RegisterResourceResponse();
  response.setObject(toStruct({}));
  if (registration.result !== 'success') {
    response.setUrn(registration.urn);
    response.setResult(RESULTS[registration.result]);
    return response;
  }
  const { state } = registration;
  response.setUrn(state.urn);
  response.setResult(RESULTS.success);
  if (state.custom) {
    response.setId(state.id ?? '');
    response.setObject(toStruct(state.outputs));
  }
  return response;
}

async function readResource(
  run: Run,
  registrar: Registrar,
  request: resource.ReadResourceRequest,
): Promise<resource.ReadResourceResponse> {
  if (request.getPackageref() !== '') refusing(run, () => refuse('a parameterized package'));
  if (request.getType().startsWith('pulumi:pulumi:') || isForeignBuiltIn(request.getType()))
    refusing(run, () => refuse(`the built-in resource ${request.getType()}`));
  const registration = await registrar.read({
    type: request.getType(),
    name: request.getName(),
    id: request.getId(),
    parent: request.getParent(),
    inputs: fromStruct(request.getProperties()),
    dependencies: request.getDependenciesList(),
    provider: request.getProvider(),
    version: request.getVersion(),
    pluginDownloadUrl: request.getPlugindownloadurl(),
    additionalSecretOutputs: request.getAdditionalsecretoutputsList(),
  });
  const response = new resource.ReadResourceResponse();
  response.setUrn(registration.result === 'success' ? registration.state.urn : registration.urn);
  response.setResult(RESULTS[registration.result]);
  response.setProperties(toStruct(registration.result === 'success' ? registration.state.outputs : {}));
  return response;
}

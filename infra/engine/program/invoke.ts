import { status } from '@grpc/grpc-js';
import { messageOf } from '../errors.ts';
import { provider, resource } from '../protocol/messages.ts';
import type { Registrar } from './registrar.ts';
import { RpcFailure } from '../protocol/rpc.ts';
import type { Run } from '../run/run.ts';
import type { Properties } from '../values/value.ts';
import { fromStruct, toStruct } from '../protocol/wire.ts';

/** The one built-in function: looks up a resource of this run by its URN, for SDKs that rehydrate references. */
const GET_RESOURCE = 'pulumi:pulumi:getResource';

/** Calls a function of a provider for the program. Its failures are the program's to handle. */
export async function invoke(
  run: Run,
  registrar: Registrar,
  request: resource.ResourceInvokeRequest,
): Promise<resource.ResourceInvokeResponse> {
  if (run.stopped.aborted) throw new RpcFailure(status.UNAVAILABLE, 'the operation has failed or was cancelled');
  const token = request.getTok();
  const args = fromStruct(request.getArgs());
  if (token === GET_RESOURCE) return response(getResource(run, args), []);
  if (token.startsWith('pulumi:'))
    throw new RpcFailure(status.UNIMPLEMENTED, `embedded engine: the function ${token} is not supported`);
  if (request.getPackageref() !== '')
    throw new RpcFailure(status.UNIMPLEMENTED, 'embedded engine: parameterized packages are not supported');
  const reference = await registrar.providerFor({
    type: token,
    provider: request.getProvider(),
    providers: new Map(),
    parent: request.getParent(),
    version: request.getVersion(),
    pluginDownloadUrl: request.getPlugindownloadurl(),
  });
  try {
    const answer = await (await run.providers.get(reference)).invoke(token, args, run.preview);
    return response(answer.result, answer.failures);
  } catch (error) {
    throw new RpcFailure(status.UNKNOWN, `invocation of ${token} failed: ${messageOf(error)}`, { cause: error });
  }
}

function response(
  result: Properties,
  failures: readonly { readonly property: string; readonly reason: string }[],
): resource.ResourceInvokeResponse {
  const message = new resource.ResourceInvokeResponse();
  message.setReturn(toStruct(result));
  message.setFailuresList(
    failures.map((failure) => {
      const entry = new provider.CheckFailure();
      entry.setProperty(failure.property);
      entry.setReason(failure.reason);
      return entry;
    }),
  );
  return message;
}

function getResource(run: Run, args: Properties): Properties {
  const urn = args['urn'];
  const found = typeof urn === 'string' ? run.registered.get(urn)?.state : undefined;
  if (found === undefined)
    throw new RpcFailure(status.NOT_FOUND, `could not find resource ${JSON.stringify(urn)} in this stack`);
  return { urn: found.urn, id: found.id ?? '', state: found.outputs };
}

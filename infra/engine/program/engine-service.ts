import { status } from '@grpc/grpc-js';
import { coerce, satisfies } from 'semver';
import { Empty, engine } from '../protocol/messages.ts';
import type { Reporter, Severity } from '../run/reporter.ts';
import type { Handlers } from '../protocol/rpc.ts';
import { RpcFailure } from '../protocol/rpc.ts';
import { ENGINE_VERSION } from '../version.ts';

const SEVERITIES: readonly Severity[] = ['debug', 'info', 'warning', 'error'];

/** The Engine service: programs and providers log here and keep the root resource's URN. Debug messages are dropped. */
export function engineHandlers(reporter: Reporter): Handlers {
  let root = '';
  return {
    log: (request: engine.LogRequest) => {
      const severity = SEVERITIES[request.getSeverity()] ?? 'info';
      if (severity !== 'debug') reporter.diagnostic(severity, request.getMessage(), request.getUrn());
      return Promise.resolve(new Empty());
    },
    getRootResource: () => {
      const response = new engine.GetRootResourceResponse();
      response.setUrn(root);
      return Promise.resolve(response);
    },
    setRootResource: (request: engine.SetRootResourceRequest) => {
      root = request.getUrn();
      return Promise.resolve(new engine.SetRootResourceResponse());
    },
    requirePulumiVersion: (request: engine.RequirePulumiVersionRequest) => {
      const range = request.getPulumiVersionRange();
      if (satisfies(coerce(ENGINE_VERSION) ?? ENGINE_VERSION, range))
        return Promise.resolve(new engine.RequirePulumiVersionResponse());
      return Promise.reject(
        new RpcFailure(
          status.FAILED_PRECONDITION,
          `Pulumi CLI version ${ENGINE_VERSION} does not satisfy the version range "${range}"`,
        ),
      );
    },
    startDebugging: () =>
      Promise.reject(new RpcFailure(status.UNIMPLEMENTED, 'embedded engine: debugging is not supported')),
  };
}

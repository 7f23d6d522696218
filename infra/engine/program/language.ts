import { messageOf } from '../errors.ts';
import { watchHandlers } from './leftover-handlers.ts';
import { CHANNEL_OPTIONS, language, languageRpc } from '../protocol/messages.ts';
import { callUnary, isServiceError, PLAINTEXT, untilReady } from '../protocol/rpc.ts';
import type { Run } from '../run/run.ts';

/** How the program ended; `error` is empty when it ran to its end. */
export interface ProgramEnd {
  readonly error: string | undefined;
}

/** A program that runs. */
export interface Program {
  /** Never rejects. May never resolve either: a program can wait for ever for a resource that failed. */
  readonly ended: Promise<ProgramEnd>;
  /** Gives up on it: its call is cancelled, its connection closed, and its process-wide handlers are taken off. */
  abandon(): void;
}

/** How long the language server of this process may take to accept the connection. */
const CONNECT_MS = 10_000;

/** Bound on a program's whole life: a day, so that no call is without one. */
const PROGRAM_MS = 24 * 3600 * 1000;

/** Asks the SDK's language server, which lives in this process, to run the inline program against our services. */
export function startProgram(
  address: string,
  run: Run,
  services: { readonly engine: string; readonly monitor: string },
): Program {
  const client = new languageRpc.LanguageRuntimeClient(address, PLAINTEXT, CHANNEL_OPTIONS);
  const abandon = new AbortController();
  const handlers = watchHandlers(services.monitor);
  const request = runRequest(run, services);
  const ended = untilReady(client, CONNECT_MS)
    .then(() =>
      callUnary<language.RunRequest, language.RunResponse>(
        client.run.bind(client),
        request,
        PROGRAM_MS,
        abandon.signal,
      ),
    )
    .then(
      (response) => ({ error: response.getError() === '' && !response.getBail() ? undefined : response.getError() }),
      (error: unknown) => ({ error: isServiceError(error) ? error.details : messageOf(error) }),
    )
    .finally(() => {
      handlers.stop();
      client.close();
    });
  return {
    ended,
    abandon: () => {
      abandon.abort();
      handlers.remove();
    },
  };
}

function runRequest(run: Run, services: { readonly engine: string; readonly monitor: string }): language.RunRequest {
  const { options } = run;
  const request = new language.RunRequest();
  request.setProject(options.project);
  request.setStack(options.stack);
  request.setOrganization('organization');
  request.setDryrun(options.preview);
  request.setParallel(options.parallel);
  request.setMonitorAddress(services.monitor);
  request.setArgsList([services.engine]);
  for (const [key, value] of options.config) request.getConfigMap().set(key, value);
  request.setConfigsecretkeysList([...options.secretKeys]);
  return request;
}

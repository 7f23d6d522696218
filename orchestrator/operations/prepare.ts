import { loadConfiguration } from '../configuration.ts';
import type { Orchestrator } from '../orchestrator.ts';
import { ensureSetup, requireSetup } from '../setup/setup.ts';
import type { OperationContext } from './operation.ts';

/** Whatever a run needs, in place: prepares what is missing (milliseconds where nothing is), then opens the data directory. */
export async function prepare(context: OperationContext): Promise<Orchestrator> {
  const { home, root, variables } = context.environment;
  const configuration = await loadConfiguration(home);
  const options = {
    home,
    root,
    env: variables,
    archiveEndpoint: configuration.archive.endpoint,
    signal: context.signal,
    onEvent: context.observeSetup,
  };
  if (context.environment.rig === undefined) requireSetup(await ensureSetup(options));
  return context.open();
}

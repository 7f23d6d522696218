import type { RunContext } from '../context.ts';
import { diskResource } from './disk.ts';
import { machineResource } from './machine.ts';
import type { Resource } from './resource.ts';
import { serveProvider, type ServedProvider } from './serve.ts';

/** The provider of one run: its two resources, served for as long as the run lives. */
export function serveRun(context: RunContext): Promise<ServedProvider> {
  return serveProvider({
    'burnbag:local:Disk': reporting(context, diskResource(context)),
    'burnbag:local:Machine': reporting(context, machineResource(context)),
  });
}

/** Tells the run why a resource could not be made, as it was thrown. */
function reporting(context: RunContext, resource: Resource): Resource {
  return {
    ...resource,
    create: (inputs) =>
      resource.create(inputs).catch((error: unknown) => {
        context.unfit.abort(error);
        throw error;
      }),
  };
}

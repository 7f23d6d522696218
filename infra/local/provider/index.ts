import type { ProviderCall, ProvisionObserver } from '../../driver.ts';
import type { RunContext } from '../context.ts';
import { diskResource } from './disk.ts';
import { machineResource } from './machine.ts';
import type { Resource } from './resource.ts';
import { serveProvider, type ServedProvider } from './serve.ts';

/** The provider of one run: its two resources, served for as long as the run lives. */
export function serveRun(context: RunContext): Promise<ServedProvider> {
  const record = recording(context);
  return serveProvider({
    [DISK]: record(DISK, reporting(context, diskResource(context))),
    [MACHINE]: record(MACHINE, reporting(context, machineResource(context))),
  });
}

const [DISK, MACHINE] = ['burnbag:local:Disk', 'burnbag:local:Machine'];

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

/** Tells the run of each call that makes or ends something, before it is made and when it is over. What cannot be recorded is not made. */
function recording({ observer }: RunContext): (type: string, resource: Resource) => Resource {
  let calls = 0;
  return (type, resource) => ({
    ...resource,
    create: async (inputs) => {
      const number = ++calls;
      observer.call?.({ event: 'called', number, call: 'create', resource: type });
      return watch(observer, number, resource.create(inputs));
    },
    // Ending must work where nothing can be recorded any more.
    delete: async (id, state) => {
      const number = ++calls;
      tell(observer, { event: 'called', number, call: 'delete', resource: type, id });
      await watch(
        observer,
        number,
        resource.delete(id, state).then(() => undefined),
      );
    },
  });
}

async function watch<T extends { readonly id: string } | undefined>(
  observer: ProvisionObserver,
  number: number,
  work: Promise<T>,
): Promise<T> {
  try {
    const made = await work;
    tell(observer, { event: 'returned', number, ok: true, ...(made !== undefined && { id: made.id }) });
    return made;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    tell(observer, { event: 'returned', number, ok: false, error: text });
    throw error;
  }
}

/** What exists must not be forgotten because its end could not be written down. */
function tell(observer: ProvisionObserver, call: ProviderCall): void {
  try {
    observer.call?.(call);
  } catch {
    // The missing record shows in the evidence: `call_not_ended`.
  }
}

import sdkState from '@pulumi/pulumi/runtime/state.js';

/** The process-wide events for which the SDK installs a handler per program. */
const EVENTS: ReadonlySet<string | symbol> = new Set(['uncaughtException', 'unhandledRejection']);
type Handler = (...args: unknown[]) => void;
type Installed = (readonly [string | symbol, Handler])[];

/** Programs being watched, by the address of their monitor. */
const watched = new Map<string, Installed>();

/**
 * Remembers the process-wide handlers that the SDK installs for one program, told by the monitor address in the SDK's own
 * context at that moment. A program that never settles never takes them off again; `remove` does, for a program given up.
 */
export function watchHandlers(monitorAddress: string): { readonly stop: () => void; readonly remove: () => void } {
  const installed: Installed = [];
  if (watched.size === 0) process.on('newListener', onNewListener);
  watched.set(monitorAddress, installed);
  const stop = (): void => {
    watched.delete(monitorAddress);
    if (watched.size === 0) process.off('newListener', onNewListener);
  };
  return {
    stop,
    remove: () => {
      stop();
      for (const [event, handler] of installed) process.off(event, handler);
    },
  };
}

function onNewListener(event: string | symbol, handler: Handler): void {
  if (!EVENTS.has(event)) return;
  watched.get(currentMonitor() ?? '')?.push([event, handler]);
  // One per program that runs is no leak; the SDK sets a fixed limit for each, and Node would warn on stderr.
  process.setMaxListeners(Math.max(process.getMaxListeners(), process.listenerCount(event) + 1));
}

/** The monitor of the program in whose asynchronous context this is called. */
function currentMonitor(): string | undefined {
  const { getLocalStore } = sdkState as unknown as SdkState;
  return getLocalStore()?.settings.options.monitorAddr;
}

interface SdkState {
  readonly getLocalStore: () =>
    { readonly settings: { readonly options: { readonly monitorAddr?: string } } } | undefined;
}

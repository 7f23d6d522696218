import sdkState from '@pulumi/pulumi/runtime/state.js';

/** The process-wide events for which the SDK installs a handler per program. */
const EVENTS = ['uncaughtException', 'unhandledRejection'] as const;
type Handler = (...args: unknown[]) => void;

/**
 * Remembers the process-wide handlers that the SDK installs for one program, told by the monitor address in the SDK's own
 * context at that moment. A program that never settles never takes them off again; `remove` does, for a program given up.
 */
export function watchHandlers(monitorAddress: string): { readonly stop: () => void; readonly remove: () => void } {
  const installed: (readonly [string, Handler])[] = [];
  const onNew = (event: string | symbol, handler: Handler): void => {
    const name = EVENTS.find((candidate) => candidate === event);
    if (name !== undefined && currentMonitor() === monitorAddress) installed.push([name, handler]);
  };
  process.on('newListener', onNew);
  const stop = (): void => {
    process.off('newListener', onNew);
  };
  return {
    stop,
    remove: () => {
      stop();
      for (const [event, handler] of installed) process.off(event, handler);
    },
  };
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

/** Turns the first SIGINT or SIGTERM into an abort, and says so; later ones are answered, never obeyed: a burn is not interrupted. */
export function listenForStop(say: (line: string) => void): { readonly signal: AbortSignal; dispose(): void } {
  const controller = new AbortController();
  const stop = () => {
    say(
      controller.signal.aborted
        ? 'still burning: nothing is left behind, this takes seconds'
        : 'stopping: what ran is collected, the sandbox is burned',
    );
    controller.abort(new Error('stopped by the user'));
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  process.on('SIGHUP', stop);
  return {
    signal: controller.signal,
    dispose() {
      process.off('SIGINT', stop);
      process.off('SIGTERM', stop);
      process.off('SIGHUP', stop);
    },
  };
}

/** Ends what a drill began when it is told to stop, and then the drill itself, as a signal would have: Ctrl-C leaves nothing behind. */
export function whenStopped(began: AsyncDisposable): void {
  for (const [signal, exitCode] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)
    process.once(signal, () => {
      console.error(`${signal}: ending what the drill began`);
      void Promise.resolve(began[Symbol.asyncDispose]()).finally(() => process.exit(exitCode));
    });
}

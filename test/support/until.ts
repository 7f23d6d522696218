const LIMIT_MS = 25_000;
const PAUSE_MS = 50;

/** Waits until it is so; rejects when it is not within 25 seconds. */
export async function until(isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + LIMIT_MS;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`expected it within ${LIMIT_MS / 1000} s: ${isSo.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

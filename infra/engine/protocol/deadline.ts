/** Resolves with the promise, or after the time has passed. */
export async function withTimeout(promise: Promise<unknown>, milliseconds: number): Promise<'in time' | 'late'> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => {
      resolve('late');
    }, milliseconds);
  });
  try {
    return await Promise.race([promise.then(() => 'in time' as const), late]);
  } finally {
    clearTimeout(timer);
  }
}

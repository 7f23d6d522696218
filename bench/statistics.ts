/** The middle value; of an even number of them the lower middle, so that it is one that was measured. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? NaN;
}

/** `3.4 s`, or `170 ms` below a second. */
export function duration(ms: number): string {
  return ms < 1000 ? `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** Median and range. */
export function spread(values: readonly number[]): string {
  if (values.length === 1) return duration(median(values));
  return `${duration(median(values))} (${duration(Math.min(...values))} to ${duration(Math.max(...values))})`;
}

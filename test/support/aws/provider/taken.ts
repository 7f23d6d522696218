/**
 * The paths of what a kind is given and does not act on, `rootBlockDevice.kmsKeyId`. Items of a list count as their list; `tags.*` takes
 * whatever lies below.
 */
export function notTaken(inputs: unknown, takes: readonly string[]): readonly string[] {
  return [...new Set(pathsIn(inputs, ''))].filter((path) => !takes.some((take) => covers(take, path)));
}

/** Of every value that says something, and of what is there and empty. */
function pathsIn(value: unknown, at: string): string[] {
  if (value === undefined) return [];
  const below = Array.isArray(value)
    ? value.flatMap((item) => pathsIn(item, at))
    : typeof value === 'object' && value !== null
      ? Object.entries(value)
          // The SDK's own note of what it filled in.
          .filter(([name]) => name !== '__defaults')
          .flatMap(([name, inner]) => pathsIn(inner, at === '' ? name : `${at}.${name}`))
      : [];
  return below.length === 0 && at !== '' ? [at] : below;
}

/** What is empty, or not known yet, asks for nothing that a path below it would not. */
function covers(take: string, path: string): boolean {
  if (take === path || take.startsWith(`${path}.`)) return true;
  return take.endsWith('.*') && path.startsWith(take.slice(0, -1));
}

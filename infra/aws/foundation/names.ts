import type { Place } from './documents/statement.ts';

/** Names of the buckets: unique in the world by the account's number. */
export function bucketNames({ installationId, accountId, region }: Place) {
  const name = (what: string) => `burnbag-${installationId.toLowerCase()}-${what}-${accountId}-${region}`;
  return { evidence: name('evidence'), trail: name('trail') };
}

import type { EC2Client, Filter, Tag } from '@aws-sdk/client-ec2';
import type { ConcreteId } from '../../driver.ts';
import { isNotFound, translateAws } from '../api/errors.ts';
import type { Tags } from '../tags.ts';

/** What this driver's manifests name that lives in AWS. */
export type AwsKind = Extract<
  ConcreteId['kind'],
  'instance' | 'volume' | 'interface' | 'security-group' | 'snapshot' | 'key-pair' | 'address'
>;

/** One thing as the API shows it. */
export interface Seen {
  readonly id: string;
  /** False once AWS calls it terminated: then it is only a name that is shown for a while. */
  readonly exists: boolean;
  /** In the API's words, for receipts: `terminated, User initiated (2026-11-28 09:00:00 GMT)`. */
  readonly state: string;
  readonly tags: Tags;
  /** Twelve digits, where the API says whose it is. */
  readonly account: string | undefined;
  /** ISO 8601, where the API says so. */
  readonly since: string | undefined;
}

/** How one kind of thing is listed, looked up and deleted. Every one rejects with what the SDK throws; see `ask`. */
export interface Kind {
  readonly kind: AwsKind;
  /** The call that looks it up, for receipts. */
  readonly lookup: string;
  /** The call that deletes it, for receipts. */
  readonly removal: string;
  /** All that fit, every page, in every state. */
  readonly list: (ec2: EC2Client, filters: Filter[]) => Promise<readonly Seen[]>;
  readonly byId: (ec2: EC2Client, id: string) => Promise<readonly Seen[]>;
  readonly remove: (ec2: EC2Client, id: string) => Promise<unknown>;
}

/** One by its id; undefined only where AWS says that there is no such id. Rejects with DriverError. */
export async function findById(kind: Kind, ec2: EC2Client, id: string): Promise<Seen | undefined> {
  const seen = await kind.byId(ec2, id).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw translateAws(error, `to look up ${kind.kind} ${id}`);
  });
  if (seen === undefined) return undefined;
  const found = seen.find((one) => one.id === id);
  // An answer without it is no "not found": the API has a code of its own for that.
  if (found === undefined) throw translateAws(new Error('an answer without it'), `to look up ${kind.kind} ${id}`);
  return found;
}

/** All that carry these tags. Rejects with DriverError. */
export async function listByTags(kind: Kind, ec2: EC2Client, tags: Tags): Promise<readonly Seen[]> {
  const filters = Object.entries(tags).map(([name, value]) => ({ Name: `tag:${name}`, Values: [value] }));
  return kind.list(ec2, filters).catch((error: unknown) => {
    throw translateAws(error, `to list every ${kind.kind} with our tags`);
  });
}

/** Tags as they come, by name. */
export function tagsOf(tags: readonly Tag[] | undefined): Tags {
  return Object.fromEntries((tags ?? []).map(({ Key = '', Value = '' }) => [Key, Value]));
}

/** Every item of every page. */
export async function everyPage<P, T>(
  pages: AsyncIterable<P>,
  items: (page: P) => readonly T[] | undefined,
): Promise<T[]> {
  const all: T[] = [];
  for await (const page of pages) all.push(...(items(page) ?? []));
  return all;
}

/** Things per page: the API's own upper bound for most calls is higher, and a page is then slow. */
export const PAGE_SIZE = 200;

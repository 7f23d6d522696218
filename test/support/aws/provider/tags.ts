import type { ResourceType, TagSpecification } from '@aws-sdk/client-ec2';
import type { Properties } from '../../../../infra/local/provider/resource.ts';

/** A map of tags as the services take it. */
export function tagList(tags: unknown): { Key: string; Value: string }[] {
  return Object.entries((tags ?? {}) as Record<string, string>).map(([Key, Value]) => ({ Key, Value }));
}

/** Tags put on at creation; none where there are none, as EC2 refuses an empty list. */
export function tagged(type: ResourceType, tags: unknown): TagSpecification[] {
  const list = tagList(tags);
  return list.length === 0 ? [] : [{ ResourceType: type, Tags: list }];
}

/** A service's list as the map that the outputs hold. */
export function tagMap(
  list: readonly { Key?: string | undefined; Value?: string | undefined }[] | undefined,
): Properties {
  return Object.fromEntries((list ?? []).map(({ Key = '', Value = '' }) => [Key, Value]));
}

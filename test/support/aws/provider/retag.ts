import { AddTagsCommand, ListTagsCommand, RemoveTagsCommand } from '@aws-sdk/client-cloudtrail';
import { CreateTagsCommand, DeleteTagsCommand, DescribeTagsCommand } from '@aws-sdk/client-ec2';
import {
  ListPolicyTagsCommand,
  ListRoleTagsCommand,
  TagPolicyCommand,
  TagRoleCommand,
  UntagPolicyCommand,
  UntagRoleCommand,
} from '@aws-sdk/client-iam';
import { ListResourceTagsCommand, TagResourceCommand, UntagResourceCommand } from '@aws-sdk/client-kms';
import { PutBucketTaggingCommand } from '@aws-sdk/client-s3';
import { call } from './failure.ts';
import type { Retag } from './kind.ts';
import { tagList } from './tags.ts';

export const retagInEc2: Retag = async ({ ec2 }, id, tags) => {
  const [Resources, Filters] = [[id], [{ Name: 'resource-id', Values: [id] }]];
  const { Tags: had = [] } = await ec2.send(new DescribeTagsCommand({ Filters }));
  const gone = unwanted(had, tags).map((Key) => ({ Key }));
  if (gone.length > 0)
    await call('deleting tags', 'EC2', 'DeleteTags', () => ec2.send(new DeleteTagsCommand({ Resources, Tags: gone })));
  const request = new CreateTagsCommand({ Resources, Tags: tagList(tags) });
  await call('creating tags', 'EC2', 'CreateTags', () => ec2.send(request));
};

export const retagRole: Retag = async ({ iam }, RoleName, tags) => {
  const { Tags: had = [] } = await iam.send(new ListRoleTagsCommand({ RoleName }));
  await iam.send(new UntagRoleCommand({ RoleName, TagKeys: unwanted(had, tags) }));
  await call('tagging IAM Role', 'IAM', 'TagRole', () =>
    iam.send(new TagRoleCommand({ RoleName, Tags: tagList(tags) })),
  );
};

export const retagPolicy: Retag = async ({ iam }, PolicyArn, tags) => {
  const { Tags: had = [] } = await iam.send(new ListPolicyTagsCommand({ PolicyArn }));
  await iam.send(new UntagPolicyCommand({ PolicyArn, TagKeys: unwanted(had, tags) }));
  await call('tagging IAM Policy', 'IAM', 'TagPolicy', () =>
    iam.send(new TagPolicyCommand({ PolicyArn, Tags: tagList(tags) })),
  );
};

export const retagKey: Retag = async ({ kms }, KeyId, tags) => {
  const { Tags: had = [] } = await kms.send(new ListResourceTagsCommand({ KeyId }));
  const names = had.map(({ TagKey: Key }) => ({ Key }));
  await kms.send(new UntagResourceCommand({ KeyId, TagKeys: unwanted(names, tags) }));
  const Tags = tagList(tags).map(({ Key: TagKey, Value: TagValue }) => ({ TagKey, TagValue }));
  await call('tagging KMS Key', 'KMS', 'TagResource', () => kms.send(new TagResourceCommand({ KeyId, Tags })));
};

/** A bucket has one set of tags, which is put whole. */
export const retagBucket: Retag = async ({ s3 }, Bucket, tags) => {
  const request = new PutBucketTaggingCommand({ Bucket, Tagging: { TagSet: tagList(tags) } });
  await call('tagging S3 Bucket', 'S3', 'PutBucketTagging', () => s3.send(request));
};

export const retagTrail: Retag = async ({ cloudTrail }, ResourceId, tags) => {
  const { ResourceTagList = [] } = await cloudTrail.send(new ListTagsCommand({ ResourceIdList: [ResourceId] }));
  const TagsList = unwanted(ResourceTagList[0]?.TagsList ?? [], tags).map((Key) => ({ Key }));
  await cloudTrail.send(new RemoveTagsCommand({ ResourceId, TagsList }));
  await call('tagging CloudTrail Trail', 'CloudTrail', 'AddTags', () =>
    cloudTrail.send(new AddTagsCommand({ ResourceId, TagsList: tagList(tags) })),
  );
};

function unwanted(had: readonly { readonly Key?: string | undefined }[], tags: unknown): string[] {
  const wanted = new Set(tagList(tags).map(({ Key }) => Key));
  return had.flatMap(({ Key }) => (Key === undefined || wanted.has(Key) ? [] : [Key]));
}

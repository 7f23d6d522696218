import type { Place, Statement } from './statement.ts';

const KEY_ID = 's3:x-amz-server-side-encryption-aws-kms-key-id';
/** Where the lock probe puts its objects (orchestrator/evidence/archive/probe.ts). */
export const PROBE_PREFIX = 'probe/';

/** What the evidence bucket refuses to everybody, its owner included. */
export function evidenceBucketStatements(
  bucket: string,
  { retentionDays, evidenceKeyArn }: { readonly retentionDays: number; readonly evidenceKeyArn: string },
): readonly Statement[] {
  const objects = `arn:aws:s3:::${bucket}/*`;
  // The lock probe tries out locks of seconds, on objects of its own.
  const probes = `arn:aws:s3:::${bucket}/${PROBE_PREFIX}*`;
  const everybody = { effect: 'Deny', principal: '*' } as const;
  return [
    ...encryptedTransport(bucket),
    {
      ...everybody,
      sid: 'NoShorterRetention',
      why: 'a lock of a day is no lock',
      actions: ['s3:PutObject', 's3:PutObjectRetention'],
      resources: [probes],
      inverted: true,
      conditions: { NumericLessThan: { 's3:object-lock-remaining-retention-days': String(retentionDays) } },
    },
    {
      ...everybody,
      sid: 'OnlyCompliance',
      why: 'governance can be undone by whoever has the permission; and what names no lock relies on a default',
      actions: ['s3:PutObject', 's3:PutObjectRetention'],
      resources: [probes],
      inverted: true,
      conditions: { StringNotEquals: { 's3:object-lock-mode': 'COMPLIANCE' } },
    },
    {
      ...everybody,
      sid: 'OnlyOurKey',
      why: 'an object under another key could be made unreadable by deleting that key',
      actions: ['s3:PutObject'],
      resources: [objects],
      // Without the header the bucket's own setting applies, and that is our key.
      conditions: { StringNotEquals: { [KEY_ID]: evidenceKeyArn }, Null: { [KEY_ID]: 'false' } },
    },
    ...standing(bucket),
  ];
}

/** What is refused whatever the request says. */
function standing(bucket: string): readonly Statement[] {
  const everybody = { effect: 'Deny', principal: '*' } as const;
  const [whole, objects] = [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`];
  return [
    {
      ...everybody,
      sid: 'NoBypass',
      why: 'nobody needs it, so nobody has it',
      actions: ['s3:BypassGovernanceRetention'],
      resources: [objects],
    },
    {
      ...everybody,
      sid: 'NoLifecycle',
      why: 'a lifecycle rule deletes by itself the day a retention ends',
      actions: ['s3:PutLifecycleConfiguration', 's3:DeleteBucket'],
      resources: [whole],
    },
  ];
}

/** The trail's bucket: CloudTrail writes, for our trail only. */
export function trailBucketStatements(bucket: string, trail: string, place: Place): readonly Statement[] {
  const source = `arn:aws:cloudtrail:${place.region}:${place.accountId}:trail/${trail}`;
  const service = { effect: 'Allow', principal: { Service: 'cloudtrail.amazonaws.com' } } as const;
  return [
    ...encryptedTransport(bucket),
    {
      ...service,
      sid: 'TrailLooks',
      why: 'CloudTrail asks whose bucket it is',
      actions: ['s3:GetBucketAcl'],
      resources: [`arn:aws:s3:::${bucket}`],
      conditions: { StringEquals: { 'aws:SourceArn': source } },
    },
    {
      ...service,
      sid: 'TrailWrites',
      why: 'its log files, into our account’s folder',
      actions: ['s3:PutObject'],
      resources: [`arn:aws:s3:::${bucket}/AWSLogs/${place.accountId}/*`],
      conditions: { StringEquals: { 'aws:SourceArn': source, 's3:x-amz-acl': 'bucket-owner-full-control' } },
    },
  ];
}

function encryptedTransport(bucket: string): readonly Statement[] {
  const shared = {
    effect: 'Deny',
    principal: '*',
    resources: [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`],
  } as const;
  return [
    {
      ...shared,
      sid: 'OnlyTls',
      why: 'evidence crosses no wire in the clear',
      actions: ['s3:*'],
      conditions: { Bool: { 'aws:SecureTransport': 'false' } },
    },
    {
      ...shared,
      sid: 'OnlyModernTls',
      why: 'older versions have known attacks',
      actions: ['s3:*'],
      conditions: { NumericLessThan: { 's3:TlsVersion': '1.2' } },
    },
  ];
}

import { describe, expect, test } from 'vitest';
import {
  LAUNCH,
  MEANS,
  ORCHESTRATOR,
  PLACE,
  PUBLISHER,
  READER,
  REAPER,
  actionsOf,
  arn,
  carrying,
  given,
} from '../../../../test/support/aws/documents.ts';
import { type AskedOf, evaluate } from '../../../../test/support/aws/evaluate.ts';
import { evidenceBucketStatements } from './buckets.ts';
import { boundaryStatements, controlStatements } from './limits.ts';
import { document } from './statement.ts';

const ADMIN = 'arn:aws:iam::123456789012:role/foundation';
const CONTROL = document(controlStatements(PLACE, { admin: ADMIN, bucket: 'evidence' }));
const BUCKET = document(
  evidenceBucketStatements('evidence', { retentionDays: 30, evidenceKeyArn: MEANS.evidenceKeyArn }),
);

describe('the boundary', () => {
  const BOUNDARY = document(boundaryStatements(PLACE));

  test('has every action of every role, by name', () => {
    const all = [ORCHESTRATOR, REAPER, READER, PUBLISHER].flatMap(actionsOf);
    expect(all.filter((action) => evaluate(BOUNDARY, { action, resource: 'x' }).verdict !== 'allowed')).toEqual([]);
    expect(all.filter((action) => action.includes('*'))).toEqual([]);
  });

  test.each([
    'ec2:ModifyInstanceMetadataOptions',
    'ec2:AuthorizeSecurityGroupEgress',
    'iam:PassRole',
    's3:BypassGovernanceRetention',
  ])('denies %s whatever is attached', (action) => {
    expect(evaluate(BOUNDARY, { action, resource: '*' })).toEqual({ verdict: 'denied', by: 'NeverThese' });
  });
});

describe('the bucket', () => {
  const SECURE = { 'aws:SecureTransport': 'true', 's3:TlsVersion': '1.3' };
  const LOCKED = { ...SECURE, 's3:object-lock-mode': 'COMPLIANCE', 's3:object-lock-remaining-retention-days': '30' };
  const put = (context: Record<string, string>, resource = 'arn:aws:s3:::evidence/runs/1'): AskedOf => ({
    action: 's3:PutObject',
    resource,
    context,
  });

  test('takes what is locked as it must be, and leaves the probe alone', () => {
    expect(evaluate(BUCKET, put(LOCKED))).toEqual({ verdict: 'refused' });
    expect(evaluate(BUCKET, put(SECURE, 'arn:aws:s3:::evidence/probe/1'))).toEqual({ verdict: 'refused' });
  });

  test.each<[string, AskedOf, string]>([
    ['plain HTTP', put({ ...LOCKED, 'aws:SecureTransport': 'false' }), 'OnlyTls'],
    ['an old TLS', put({ ...LOCKED, 's3:TlsVersion': '1.1' }), 'OnlyModernTls'],
    ['a shorter retention', put({ ...LOCKED, 's3:object-lock-remaining-retention-days': '29' }), 'NoShorterRetention'],
    ['governance', put({ ...LOCKED, 's3:object-lock-mode': 'GOVERNANCE' }), 'OnlyCompliance'],
    ['no lock at all', put(SECURE), 'OnlyCompliance'],
    ['another key', put({ ...LOCKED, 's3:x-amz-server-side-encryption-aws-kms-key-id': 'arn:x' }), 'OnlyOurKey'],
    ['a bypass', { ...put(LOCKED), action: 's3:BypassGovernanceRetention' }, 'NoBypass'],
    [
      'a lifecycle',
      { action: 's3:PutLifecycleConfiguration', resource: 'arn:aws:s3:::evidence', context: SECURE },
      'NoLifecycle',
    ],
    [
      'its own deletion',
      { action: 's3:DeleteBucket', resource: 'arn:aws:s3:::evidence', context: SECURE },
      'NoLifecycle',
    ],
  ])('denies %s', (_what, asked, by) => {
    expect(evaluate(BUCKET, asked)).toEqual({ verdict: 'denied', by });
  });
});

describe('the service control policy', () => {
  const OURS = { 'aws:ResourceTag/burnbag:installation': 'one' };

  test.each<[string, AskedOf, string]>([
    [
      'the metadata service switched on',
      { action: 'ec2:ModifyInstanceMetadataOptions', resource: arn('instance/i-1'), context: carrying('sandbox') },
      'SandboxesStayLocked',
    ],
    [
      'a launch with it',
      { ...LAUNCH, context: { ...given('sandbox'), 'ec2:MetadataHttpEndpoint': 'enabled' } },
      'NoMetadataAtLaunch',
    ],
    [
      'a gateway for our network',
      { action: 'ec2:AttachInternetGateway', resource: arn('vpc/vpc-1'), context: OURS },
      'NoWayOut',
    ],
    ['new tags on our things', { action: 'ec2:CreateTags', resource: arn('instance/i-1'), context: OURS }, 'TagsStay'],
    ['another bucket policy', { action: 's3:PutBucketPolicy', resource: 'arn:aws:s3:::evidence' }, 'EvidenceStays'],
    ['a trail that stops', { action: 'cloudtrail:StopLogging', resource: '*' }, 'WitnessStays'],
    ['a key that goes', { action: 'kms:ScheduleKeyDeletion', resource: MEANS.caKeyArn, context: OURS }, 'KeysStay'],
  ])('denies %s, to administrators too', (_what, asked, by) => {
    expect(
      evaluate(CONTROL, {
        ...asked,
        context: { ...asked.context, 'aws:PrincipalArn': 'arn:aws:iam::123456789012:role/admin' },
      }),
    ).toEqual({ verdict: 'denied', by });
  });

  test('leaves tags at creation, everything foreign and the foundation’s own role alone', () => {
    const creating = {
      action: 'ec2:CreateTags',
      resource: arn('instance/i-1'),
      context: { ...OURS, 'ec2:CreateAction': 'RunInstances' },
    };
    expect(evaluate(CONTROL, creating)).toEqual({ verdict: 'refused' });
    expect(
      evaluate(CONTROL, { action: 'ec2:ModifyInstanceMetadataOptions', resource: arn('instance/i-2'), context: {} }),
    ).toEqual({ verdict: 'refused' });
    expect(
      evaluate(CONTROL, {
        action: 's3:PutBucketPolicy',
        resource: 'arn:aws:s3:::evidence',
        context: { 'aws:PrincipalArn': ADMIN },
      }),
    ).toEqual({ verdict: 'refused' });
  });
});

test.each([
  ['a role', ORCHESTRATOR, 10_240],
  ['a boundary', document(boundaryStatements(PLACE)), 6_144],
  ['a control policy', CONTROL, 5_120],
  ['a bucket', BUCKET, 20_480],
])('the document of %s is no longer than the service takes', (_what, text, limit) => {
  expect(text.length).toBeLessThan(limit);
});

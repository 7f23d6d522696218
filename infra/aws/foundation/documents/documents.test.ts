import { describe, expect, test } from 'vitest';
import { type AskedOf, evaluate } from '../../../../test/support/aws/evaluate.ts';
import { evidenceBucketStatements } from './buckets.ts';
import { boundaryStatements, controlStatements } from './limits.ts';
import { orchestratorStatements, publisherStatements, readerStatements, reaperStatements } from './roles.ts';
import { document, type Place } from './statement.ts';

const PLACE: Place = { accountId: '123456789012', region: 'eu-central-1', installationId: 'one' };
const MEANS = {
  bucket: 'evidence',
  evidenceKeyArn: 'arn:aws:kms:eu-central-1:123456789012:key/e',
  caKeyArn: 'arn:aws:kms:eu-central-1:123456789012:key/c',
  evidenceSigningKeyArn: 'arn:aws:kms:eu-central-1:123456789012:key/s',
};
const ORCHESTRATOR = document(orchestratorStatements(PLACE, MEANS));
const REAPER = document(reaperStatements(PLACE));
const READER = document(readerStatements(PLACE, MEANS));
const PUBLISHER = document(publisherStatements(PLACE));
const ADMIN = 'arn:aws:iam::123456789012:role/foundation';
const CONTROL = document(controlStatements(PLACE, { admin: ADMIN, bucket: 'evidence' }));
const BUCKET = document(
  evidenceBucketStatements('evidence', { retentionDays: 30, evidenceKeyArn: MEANS.evidenceKeyArn }),
);

const arn = (name: string) => `arn:aws:ec2:eu-central-1:123456789012:${name}`;
const carrying = (role: string, installation = 'one') => ({
  'aws:ResourceTag/burnbag:installation': installation,
  'aws:ResourceTag/burnbag:role': role,
});
const given = (role: string, installation = 'one') => ({
  'aws:RequestTag/burnbag:installation': installation,
  'aws:RequestTag/burnbag:role': role,
});
const LAUNCH: AskedOf = {
  action: 'ec2:RunInstances',
  resource: arn('instance/*'),
  context: { ...given('sandbox'), 'aws:RequestTag/burnbag:run': 'r', 'ec2:MetadataHttpEndpoint': 'disabled' },
};
const terminating = (context: Record<string, string>): AskedOf => ({
  action: 'ec2:TerminateInstances',
  resource: arn('instance/i-1'),
  context,
});

describe('the orchestrator', () => {
  test.each<[string, AskedOf]>([
    ['launch a locked-down machine', LAUNCH],
    ['end a sandbox of ours', terminating(carrying('sandbox'))],
    [
      'open a group of a sandbox for the relay',
      {
        action: 'ec2:AuthorizeSecurityGroupIngress',
        resource: arn('security-group/sg-1'),
        context: carrying('sandbox'),
      },
    ],
    ['put evidence', { action: 's3:PutObject', resource: 'arn:aws:s3:::evidence/runs/1' }],
    ['sign a certificate', { action: 'kms:Sign', resource: MEANS.caKeyArn }],
    [
      'try to break the lock of its own probe',
      { action: 's3:DeleteObjectVersion', resource: 'arn:aws:s3:::evidence/probe/1/locked' },
    ],
  ])('may %s', (_what, asked) => {
    expect(evaluate(ORCHESTRATOR, asked)).toMatchObject({ verdict: 'allowed' });
  });

  test.each<[string, AskedOf]>([
    ['end a machine that is not tagged', terminating({})],
    ['end a machine of another installation', terminating(carrying('sandbox', 'two'))],
    ['end a machine that is no sandbox', terminating(carrying('foundation'))],
    [
      'launch a machine with the metadata service',
      { ...LAUNCH, context: { ...LAUNCH.context, 'ec2:MetadataHttpEndpoint': 'enabled' } },
    ],
    [
      'launch a machine that says nothing of the metadata service',
      { ...LAUNCH, context: { ...given('sandbox'), 'aws:RequestTag/burnbag:run': 'r' } },
    ],
    [
      'launch a machine with a role',
      { ...LAUNCH, context: { ...LAUNCH.context, 'ec2:InstanceProfile': 'arn:aws:iam::1:instance-profile/x' } },
    ],
    ['launch a machine without tags', { ...LAUNCH, context: { 'ec2:MetadataHttpEndpoint': 'disabled' } }],
    [
      'launch a disk in the clear',
      { ...LAUNCH, resource: arn('volume/*'), context: { ...given('sandbox'), 'ec2:Encrypted': 'false' } },
    ],
    [
      'launch from a stranger’s image',
      { action: 'ec2:RunInstances', resource: 'arn:aws:ec2:eu-central-1::image/ami-1', context: {} },
    ],
    ['launch with a key pair', { action: 'ec2:RunInstances', resource: arn('key-pair/mine'), context: {} }],
    [
      'make an interface in another network',
      { action: 'ec2:CreateNetworkInterface', resource: arn('subnet/subnet-1'), context: {} },
    ],
    [
      'let anything out',
      {
        action: 'ec2:AuthorizeSecurityGroupEgress',
        resource: arn('security-group/sg-1'),
        context: carrying('sandbox'),
      },
    ],
    [
      'open the relay’s group',
      {
        action: 'ec2:AuthorizeSecurityGroupIngress',
        resource: arn('security-group/sg-1'),
        context: carrying('foundation'),
      },
    ],
    [
      'tag something that exists',
      { action: 'ec2:CreateTags', resource: arn('instance/i-1'), context: given('sandbox') },
    ],
    ['copy a disk', { action: 'ec2:CreateSnapshot', resource: arn('volume/vol-1'), context: carrying('sandbox') }],
    ['delete evidence', { action: 's3:DeleteObjectVersion', resource: 'arn:aws:s3:::evidence/runs/1' }],
    ['change the bucket', { action: 's3:PutBucketVersioning', resource: 'arn:aws:s3:::evidence' }],
    ['decrypt past the bucket', { action: 'kms:Decrypt', resource: MEANS.evidenceKeyArn }],
    ['pass a role on', { action: 'iam:PassRole', resource: 'arn:aws:iam::123456789012:role/x' }],
    [
      'see another region',
      { action: 'ec2:DescribeInstances', resource: '*', context: { 'aws:RequestedRegion': 'us-east-1' } },
    ],
  ])('may not %s', (_what, asked) => {
    expect(evaluate(ORCHESTRATOR, asked)).toEqual({ verdict: 'refused' });
  });
});

describe('the others', () => {
  test('the reaper ends sandboxes and makes nothing', () => {
    expect(evaluate(REAPER, terminating(carrying('sandbox')))).toMatchObject({ verdict: 'allowed' });
    expect(evaluate(REAPER, terminating(carrying('sandbox', 'two')))).toEqual({ verdict: 'refused' });
    expect(evaluate(REAPER, LAUNCH)).toEqual({ verdict: 'refused' });
    expect(evaluate(REAPER, { action: 's3:GetObject', resource: 'arn:aws:s3:::evidence/runs/1' })).toEqual({
      verdict: 'refused',
    });
  });

  test('the reader changes nothing', () => {
    expect(evaluate(READER, { action: 's3:GetObjectVersion', resource: 'arn:aws:s3:::evidence/runs/1' })).toMatchObject(
      { verdict: 'allowed' },
    );
    for (const action of [
      'ec2:TerminateInstances',
      'ec2:RunInstances',
      's3:PutObject',
      'kms:Sign',
      'kms:GenerateDataKey',
    ])
      expect(evaluate(READER, { action, resource: MEANS.caKeyArn, context: carrying('sandbox') })).toEqual({
        verdict: 'refused',
      });
  });

  test('the publisher makes images, and starts nothing from them', () => {
    const image = 'arn:aws:ec2:eu-central-1::image/ami-1';
    expect(
      evaluate(PUBLISHER, { action: 'ec2:DeregisterImage', resource: image, context: carrying('image') }),
    ).toMatchObject({ verdict: 'allowed' });
    expect(
      evaluate(PUBLISHER, { action: 'ec2:DeregisterImage', resource: image, context: carrying('image', 'two') }),
    ).toEqual({ verdict: 'refused' });
    expect(evaluate(PUBLISHER, LAUNCH)).toEqual({ verdict: 'refused' });
  });
});

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

function actionsOf(text: string): string[] {
  const { Statement: statements } = JSON.parse(text) as {
    readonly Statement: readonly { readonly Action: string[] }[];
  };
  return statements.flatMap(({ Action }) => Action);
}

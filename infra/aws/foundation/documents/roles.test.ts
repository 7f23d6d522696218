import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  actionsOf,
  arn,
  carrying,
  given,
  LAUNCH,
  MEANS,
  ORCHESTRATOR,
  PLACE,
  PUBLISHER,
  READER,
  REAPER,
} from '../../../../test/support/aws/documents.ts';
import { type AskedOf, evaluate } from '../../../../test/support/aws/evaluate.ts';
import { PERMISSIONS } from '../../api/permissions.ts';
import { orchestratorStatements, reaperStatements } from './roles.ts';
import { document } from './statement.ts';

const terminating = (context: Record<string, string>): AskedOf => ({
  action: 'ec2:TerminateInstances',
  resource: arn('instance/i-1'),
  context,
});

const STATE = 'arn:aws:s3:::pulumi-state/team/one';
const LISTED: AskedOf = { action: 's3:ListBucket', resource: 'arn:aws:s3:::pulumi-state' };
const STATE_KEY: AskedOf = { action: 'kms:Decrypt', resource: MEANS.state.keyArn };

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
    ['keep state below its path', { action: 's3:PutObject', resource: `${STATE}/.pulumi/meta.yaml` }],
    ['list state below its path', { ...LISTED, context: { 's3:prefix': 'team/one/.pulumi/' } }],
    ['learn that a state is not there', LISTED],
    [
      'decrypt state through its bucket',
      { ...STATE_KEY, context: { 'kms:ViaService': 's3.eu-central-1.amazonaws.com' } },
    ],
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
    ['keep state elsewhere', { action: 's3:PutObject', resource: 'arn:aws:s3:::pulumi-state/team/two/x' }],
    [
      'touch a path that begins as ours',
      { action: 's3:DeleteObject', resource: 'arn:aws:s3:::pulumi-state/team/one-2/x' },
    ],
    ['list another’s state', { ...LISTED, context: { 's3:prefix': 'team/two/' } }],
    ['decrypt state past its bucket', STATE_KEY],
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

  test('the reaper looks whether a state is gone and removes it, and writes none', () => {
    const on = (action: string, resource = `${STATE}/x`): AskedOf => ({ action, resource });
    for (const action of ['s3:GetObject', 's3:DeleteObject'])
      expect(evaluate(REAPER, on(action))).toMatchObject({ verdict: 'allowed', by: 'RemoveState' });
    expect(evaluate(REAPER, LISTED)).toMatchObject({ verdict: 'allowed' });
    for (const asked of [on('s3:PutObject'), on('s3:DeleteObject', 'arn:aws:s3:::pulumi-state/team/two/x'), STATE_KEY])
      expect(evaluate(REAPER, asked)).toEqual({ verdict: 'refused' });
  });

  test('where state is in the data directory nobody has a permission for it', () => {
    const without = { ...MEANS, state: undefined };
    for (const statements of [orchestratorStatements(PLACE, without), reaperStatements(PLACE, without)])
      expect(evaluate(document(statements), LISTED)).toEqual({ verdict: 'refused' });
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

describe('docs/aws.md', () => {
  const COLUMNS = { orchestrator: ORCHESTRATOR, reaper: REAPER, reader: READER, publisher: PUBLISHER };

  test('has a row for every action of every role, marked for those that have it and for no other', async () => {
    const text = await readFile(join(import.meta.dirname, '../../../../docs/aws.md'), 'utf8');
    const rows = [...text.matchAll(/^\| `([a-z0-9]+:[A-Za-z]+)` +\|(.*)\|$/gm)];
    const documented = rows.flatMap(([, action = '', cells = '']) =>
      Object.keys(COLUMNS)
        .filter((_role, index) => cells.split('|')[index]?.trim() !== '')
        .map((role) => `${role} ${action}`),
    );
    const had = Object.entries(COLUMNS).flatMap(([role, policy]) =>
      [...new Set(actionsOf(policy))].map((action) => `${role} ${action}`),
    );
    expect(documented.sort()).toEqual(had.sort());
  });
});

test('every call of the driver, its signers and its image commands is permitted to one of the roles', () => {
  const permitted = [ORCHESTRATOR, REAPER, PUBLISHER].flatMap(actionsOf);
  const needed = Object.values(PERMISSIONS).flatMap(({ action }) => action ?? []);
  expect(needed.filter((action) => !permitted.includes(action))).toEqual([]);
});

import { CreateBucketCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Chaos, startChaos } from '../../test/support/aws/chaos/chaos.ts';
import { clientOptions, REGION } from '../../test/support/aws/clients.ts';
import { MEANS, PLACE, REAPER } from '../../test/support/aws/documents.ts';
import { type AskedOf, evaluate } from '../../test/support/aws/evaluate.ts';
import { type Moto, startMoto } from '../../test/support/aws/moto.ts';
import { type AwsCall, permissionOf } from './api/permissions.ts';
import { reaperStatements } from './foundation/documents/roles.ts';
import { document } from './foundation/documents/statement.ts';
import { openRemoteState, type RemoteState } from './remote-state.ts';
import { stateUrlOf } from './state-url.ts';

/* State as Pulumi's S3 backend lays it out, in (moto's) S3. */

const BUCKET = 'pulumi-state';
const STACK = 'run-aa0000000001';
const OTHERS = ['run-aa0000000002', 'foundation'];
const calls: AwsCall[] = [];
let moto: Moto;
let chaos: Chaos;
let s3: S3Client;
let state: RemoteState;
beforeAll(async () => {
  moto = await startMoto();
  chaos = await startChaos(moto.url);
  s3 = new S3Client({ ...clientOptions(moto.url), forcePathStyle: true });
  const access = {
    region: 'us-east-1',
    endpoint: chaos.url,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  };
  const url = stateUrlOf(`s3://${BUCKET}/team?region=${REGION}`, 'one');
  state = openRemoteState({ ...access, onCall: (call) => calls.push(call), limits: { attempts: 1 } }, url);
});
afterAll(async () => {
  state.close();
  s3.destroy();
  await chaos.stop();
  await moto.stop();
});
beforeEach(async () => {
  chaos.reset();
  await moto.reset();
  await s3.send(new CreateBucketCommand({ Bucket: BUCKET, CreateBucketConfiguration: { LocationConstraint: REGION } }));
  for (const stack of [STACK, ...OTHERS]) for (const key of keysOf(stack)) await put(`team/one/${key}`);
  for (const key of keysOf(STACK)) await put(`team/two/${key}`);
});

const put = (Key: string) => s3.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: '{}' }));
const keysOf = (stack: string): readonly string[] => [
  `.pulumi/stacks/burnbag/${stack}.json`,
  `.pulumi/stacks/burnbag/${stack}.json.bak`,
  `.pulumi/stacks/burnbag/${stack}.json.attrs`,
  `.pulumi/history/burnbag/${stack}/${stack}-1.history.json`,
  `.pulumi/locks/organization/burnbag/${stack}/0b1c.json`,
  `.pulumi/backups/burnbag/${stack}/${stack}.1.json`,
];
const all = async () => {
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: BUCKET }));
  return Contents.map(({ Key = '' }) => Key);
};

test('each installation has a path of its own', () => {
  expect(stateUrlOf('s3://b', 'one')).toBe('s3://b/one');
  expect(stateUrlOf('s3://b/team/?region=eu-central-1', 'one')).toBe('s3://b/team/one?region=eu-central-1');
  expect(state.url).toBe(`s3://${BUCKET}/team/one?region=${REGION}`);
});

test('the stacks of this installation’s runs are listed, and nothing else', async () => {
  expect((await state.list()).toSorted()).toEqual([STACK, OTHERS[0]]);
});

test('a stack’s state is removed whole, and nobody else’s', async () => {
  const before = await all();
  for (const turn of [0, 1]) expect((await state.look(STACK, turn)).state).toBe('present');
  await state.remove(STACK);
  for (const turn of [0, 1]) expect((await state.look(STACK, turn)).state).toBe('gone');
  const own = keysOf(STACK).map((key) => `team/one/${key}`);
  expect(await all()).toEqual(before.filter((key) => !own.includes(key)));
  expect(calls.filter((call) => permissionOf(call) === undefined)).toEqual([]);
});

describe('one object of a stack', () => {
  test.each(keysOf(STACK))('is seen by both looks: %s', async (key) => {
    await state.remove(STACK);
    await put(`team/one/${key}`);
    for (const turn of [0, 1]) expect((await state.look(STACK, turn)).state).toBe('present');
  });
});

test.each([
  ['throttles', { how: 'error', status: 503, code: 'SlowDown' }],
  ['denies', { how: 'error', status: 403, code: 'AccessDenied' }],
  ['hangs up', { how: 'drop' }],
] as const)('an S3 that %s has not said that a state is gone', async (_what, fault) => {
  await state.remove(STACK);
  chaos.rules.push({ action: /^(GET|HEAD) /, ...fault });
  for (const turn of [0, 1]) await expect(state.look(STACK, turn)).rejects.toMatchObject({ name: 'DriverError' });
});

test('a bucket that is not there has not said so either', async () => {
  await moto.reset();
  for (const turn of [0, 1]) await expect(state.look(STACK, turn)).rejects.toMatchObject({ name: 'DriverError' });
});

test('every call is permitted to the reaper, by object and bucket; with another installation’s permissions none is', async () => {
  chaos.log.length = 0;
  for (const turn of [0, 1]) await state.look(STACK, turn);
  await state.list();
  await state.remove(STACK);
  const asked = chaos.log.map(askedOf);
  expect(new Set(asked.map(({ action }) => action))).toEqual(
    new Set(['s3:ListBucket', 's3:GetObject', 's3:DeleteObject']),
  );
  const another = document(reaperStatements(PLACE, { state: { ...MEANS.state, path: 'team/two' } }));
  for (const one of asked) {
    expect(evaluate(REAPER, one)).toMatchObject({ verdict: 'allowed' });
    if (one.action !== 's3:ListBucket') expect(evaluate(another, one)).toEqual({ verdict: 'refused' });
  }
});

/** What IAM is asked for a request of S3's, `HEAD /bucket/key`: the log has no query. */
function askedOf(request: string): AskedOf {
  const [method = '', path = ''] = request.split(' ');
  const [bucket = '', ...key] = path.slice(1).split('/');
  if (key.join('/') === '') return { action: 's3:ListBucket', resource: `arn:aws:s3:::${bucket}` };
  const action = method === 'DELETE' ? 's3:DeleteObject' : 's3:GetObject';
  return { action, resource: `arn:aws:s3:::${decodeURIComponent(path.slice(1))}` };
}

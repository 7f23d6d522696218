import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EBSClient, GetSnapshotBlockCommand, ListSnapshotBlocksCommand } from '@aws-sdk/client-ebs';
import { DescribeImagesCommand, DescribeSnapshotsCommand, EC2Client } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Chaos, startChaos } from '../../../test/support/aws/chaos/chaos.ts';
import { clientOptions, REGION } from '../../../test/support/aws/clients.ts';
import { type Moto, startMoto } from '../../../test/support/aws/moto.ts';
import type { AwsCall } from '../api/permissions.ts';
import { permissionOf } from '../api/permissions.ts';
import { publishImage } from './publish.ts';

/* The blocks of a disk, put into (moto's) EBS and read back. */

const BLOCK = 512 * 1024;
const calls: AwsCall[] = [];
let moto: Moto;
let chaos: Chaos;
let folder: string;
let file: string;
const content = randomBytes(BLOCK);
beforeAll(async () => {
  moto = await startMoto();
  chaos = await startChaos(moto.url);
  folder = await mkdtemp(join(tmpdir(), 'burnbag-publish-'));
  file = join(folder, 'disk.img');
  // One full block, zeros, and a last block that is not full.
  await writeFile(file, Buffer.concat([content, Buffer.alloc(2 * BLOCK), Buffer.from('end')]));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await chaos.stop();
  await moto.stop();
});

const publish = () =>
  publishImage(
    {
      ...{ region: REGION, endpoint: chaos.url, credentials: { accessKeyId: 'test', secretAccessKey: 'test' } },
      onCall: (call) => calls.push(call),
    },
    { file, imageDigest: 'd1'.repeat(32), diskSha256: 'd2'.repeat(32), installationId: 'contract' },
  );

test('what is published is what was on disk: every block that holds anything, and no other', async () => {
  chaos.rules.push({ action: /snapshots\/.*\/blocks/, how: 'error', times: 2 });
  const { imageId, snapshotId, blocks } = await publish();
  expect(blocks).toBe(2);
  const ebs = new EBSClient(clientOptions(moto.url));
  const { Blocks = [] } = await ebs.send(new ListSnapshotBlocksCommand({ SnapshotId: snapshotId }));
  expect(Blocks.map(({ BlockIndex = 0 }) => BlockIndex).toSorted()).toEqual([0, 3]);
  const first = Blocks.find(({ BlockIndex }) => BlockIndex === 0);
  const read = await ebs.send(
    new GetSnapshotBlockCommand({ SnapshotId: snapshotId, BlockIndex: 0, BlockToken: first?.BlockToken ?? '' }),
  );
  const got = Buffer.from((await read.BlockData?.transformToByteArray()) ?? []);
  expect(createHash('sha256').update(got).digest('hex')).toBe(createHash('sha256').update(content).digest('hex'));
  ebs.destroy();
  const ec2 = new EC2Client(clientOptions(moto.url));
  const { Images = [] } = await ec2.send(new DescribeImagesCommand({ ImageIds: [imageId] }));
  expect(Images[0]?.Name).toBe(`burnbag-contract-${'d2'.repeat(6)}`);
  const { Snapshots = [] } = await ec2.send(new DescribeSnapshotsCommand({ SnapshotIds: [snapshotId] }));
  expect(Snapshots[0]?.Tags).toContainEqual({ Key: 'burnbag:image', Value: 'd1'.repeat(32) });
  ec2.destroy();
  expect(calls.filter((call) => permissionOf(call) === undefined)).toEqual([]);
});

test('a disk that cannot be read whole is not registered', async () => {
  await truncate(file, 0);
  await rm(file);
  const before = chaos.log.length;
  await expect(publish()).rejects.toThrow();
  expect(chaos.log.slice(before)).not.toContain('RegisterImage');
});

import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EBSClient, GetSnapshotBlockCommand, ListSnapshotBlocksCommand } from '@aws-sdk/client-ebs';
import { DeleteTagsCommand, DescribeImagesCommand, DescribeSnapshotsCommand, EC2Client } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Chaos, startChaos } from '../../../test/support/aws/chaos/chaos.ts';
import { ACCOUNT, clientOptions, REGION } from '../../../test/support/aws/clients.ts';
import { type Moto, startMoto } from '../../../test/support/aws/moto.ts';
import { type AwsCall, permissionOf } from '../api/permissions.ts';
import type { Baked } from './baked.ts';
import { findImage } from './find.ts';
import { type Images, type ImagesOptions, openImages } from './images.ts';

/* The blocks of a disk, put into (moto's) EBS and read back. */

const BLOCK = 512 * 1024;
/** moto, as EC2, tells whole seconds. */
const CLOCK_MS = 1_100;
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
  for (const images of opened) images.close();
  await rm(folder, { recursive: true });
  await chaos.stop();
  await moto.stop();
});

const CA = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIF6Uyh5zTGl5i1wiz6MY3AA2IK28uXqAd+dW3TVVR+Kg';

const open = (changes: Partial<ImagesOptions> = {}) => {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const access = { region: REGION, endpoint: chaos.url, credentials, onCall: (call: AwsCall) => calls.push(call) };
  const whose = { accountId: ACCOUNT, installationId: 'one', caPublicKey: CA, relayAddress: '10.84.0.10' };
  const images = openImages({ access, ...whose, ...changes });
  opened.push(images);
  return images;
};
const opened: Images[] = [];
const disk = (digit: string, tunnels: readonly string[] = []) => ({
  ...{ file, imageDigest: 'd1'.repeat(32), diskSha256: digit.repeat(64), tunnels },
});
const newest = async (imageId: string) => (await open().list()).images.find(({ id }) => id === imageId);

test('what is published is what was on disk: every block that holds anything, and no other', async () => {
  chaos.rules.push({ action: /snapshots\/.*\/blocks/, how: 'error', times: 2 });
  const { imageId, blocks } = await open().publish(disk('2'));
  expect(blocks).toBe(2);
  const snapshotId = (await newest(imageId))?.snapshots[0] ?? '';
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
  expect(Images[0]?.Name).toBe(`burnbag-one-${'2'.repeat(12)}`);
  const { Snapshots = [] } = await ec2.send(new DescribeSnapshotsCommand({ SnapshotIds: [snapshotId] }));
  expect(Snapshots[0]?.Tags).toContainEqual({ Key: 'burnbag:image', Value: 'd1'.repeat(32) });
  ec2.destroy();
  const fingerprint = execFileSync('ssh-keygen', ['-l', '-f', '-'], { input: CA, encoding: 'utf8' }).split(' ')[1];
  expect(await newest(imageId)).toMatchObject({
    ...{ digest: 'd1'.repeat(32), misfit: null, inUse: true },
    tags: { 'burnbag:ca': fingerprint, 'burnbag:relay': '10.84.0.10', 'burnbag:disk': '2'.repeat(64) },
  });
  expect(calls.filter((call) => permissionOf(call) === undefined)).toEqual([]);
});

test('the same disk is published once', async () => {
  const before = chaos.log.length;
  const { imageId, blocks } = await open().publish(disk('2'));
  expect({ blocks, inUse: (await newest(imageId))?.inUse }).toEqual({ blocks: 0, inUse: true });
  expect(chaos.log.slice(before)).not.toContain('RegisterImage');
});

describe('an image', () => {
  const findNext = (changes: Partial<ImagesOptions & Pick<Baked, 'tunnels'>>) => {
    const options = { access: { region: REGION }, accountId: ACCOUNT, installationId: 'one', ...changes };
    const ec2 = new EC2Client(clientOptions(moto.url));
    const baked = { caPublicKey: CA, relayAddress: '10.84.0.10', tunnels: [], ...changes };
    return findImage({ clients: { ec2 }, options }, baked).finally(() => {
      ec2.destroy();
    });
  };
  const OTHER_CA = `${CA.slice(0, -4)}R+Kh`;

  test.each([
    ['with another CA baked in', { caPublicKey: OTHER_CA }, 'image_misfit'],
    ['with another relay baked in', { relayAddress: '10.84.0.11' }, 'image_misfit'],
    ['without the tunnels that its run may open', { tunnels: ['127.0.0.1:8080'] }, 'image_misfit'],
    ['of another installation', { installationId: 'two' }, 'no_image'],
    ['that is not the configured one', { imageId: 'ami-0bb0000000000001' }, 'no_image'],
  ])('%s is not started', async (_what, changes, code) => {
    await expect(findNext(changes)).rejects.toMatchObject({ code });
    expect(await findNext({})).toMatchObject({ name: `burnbag-one-${'2'.repeat(12)}` });
  });

  test('with another CA is not in use, although it is the newest', async () => {
    const { imageId } = await open({ caPublicKey: OTHER_CA }).publish(disk('3'));
    expect(await newest(imageId)).toMatchObject({
      inUse: false,
      misfit: expect.stringMatching('burnbag:ca') as string,
    });
    expect(await findNext({})).toMatchObject({ name: `burnbag-one-${'2'.repeat(12)}` });
    expect(await findNext({ caPublicKey: OTHER_CA })).toMatchObject({ id: imageId });
  });
});

describe('images with tunnels', () => {
  const TUNNELS = ['127.0.0.1:8080', '127.0.0.1:5432'];
  const find = async (tunnels: readonly string[], tags?: Record<string, string>) => {
    const ec2 = new EC2Client(clientOptions(moto.url));
    const options = { access: { region: REGION }, accountId: ACCOUNT, installationId: 'one' };
    try {
      const { id } = await findImage(
        { clients: { ec2 }, options },
        { caPublicKey: CA, relayAddress: '10.84.0.10', tunnels },
      );
      if (tags !== undefined)
        await ec2.send(new DeleteTagsCommand({ Resources: [id], Tags: Object.keys(tags).map((Key) => ({ Key })) }));
      return id;
    } finally {
      ec2.destroy();
    }
  };

  test('are started by runs with exactly these, in whatever order, and by no other', async () => {
    await sleep(CLOCK_MS);
    const plain = await find([]);
    const { imageId } = await open().publish(disk('9', TUNNELS));
    expect(await find(TUNNELS.toReversed())).toBe(imageId);
    // It is the newest, and trusts the same CA.
    expect(await find([])).toBe(plain);
    for (const others of [['127.0.0.1:8080'], [...TUNNELS, '127.0.0.1:9090'], ['127.0.0.1:80']])
      await expect(find(others)).rejects.toMatchObject({
        code: 'image_misfit',
        hint: expect.stringContaining('publish --profile') as string,
      });
    const listed = (await open().list()).images.filter(({ inUse }) => inUse);
    expect(listed.map(({ id, tunnels }) => [id, tunnels])).toEqual([
      [imageId, TUNNELS.toSorted()],
      [plain, []],
    ]);
    for (const id of [plain, imageId])
      await expect(open().retire(id, { evenInUse: false })).rejects.toMatchObject({ code: 'image_in_use' });
    await open().retire(imageId, { evenInUse: true });
  });

  test('an image from before there was such a tag has none', async () => {
    const id = await find([], { 'burnbag:tunnels': '' });
    expect(await find([])).toBe(id);
    await expect(find(TUNNELS)).rejects.toMatchObject({ code: 'image_misfit' });
  });
});

describe('retire', () => {
  const ids = async (installationId: string) => {
    const { images, unfinished } = await open({ installationId }).list();
    return [...images.flatMap(({ id, snapshots }) => [id, ...snapshots]), ...unfinished.map(({ id }) => id)];
  };
  const gone = { evenInUse: false };

  test('takes the image and its snapshot, and nothing of another installation', async () => {
    await sleep(CLOCK_MS);
    const { imageId } = await open().publish(disk('4'));
    await open({ installationId: 'two' }).publish(disk('4'));
    const others = await ids('two');
    expect(others.length).toBe(2);
    // The guard holds it: it is the newest that fits.
    await expect(open().retire(imageId, gone)).rejects.toMatchObject({ code: 'image_in_use' });
    await sleep(CLOCK_MS);
    await open().publish(disk('5'));
    const retired = await open().retire(imageId, gone);
    expect(retired).toMatchObject({ image: imageId, snapshots: [expect.stringMatching(/^snap-/)] });
    const left = await ids('one');
    expect([imageId, ...retired.snapshots].filter((id) => left.includes(id))).toEqual([]);
    expect(await ids('two')).toEqual(others);
    for (const id of others) await expect(open().retire(id, gone)).rejects.toMatchObject({ code: 'no_such_image' });
    expect(await ids('two')).toEqual(others);
  });

  test('an API that does not say what is in use is no leave to retire it', async () => {
    const { images } = await open().list();
    const used = images.find(({ inUse }) => inUse)?.id ?? '';
    chaos.rules.push({ action: 'DescribeImages', how: 'error', status: 503, code: 'RequestLimitExceeded', times: 100 });
    await expect(open().retire(used, gone)).rejects.toMatchObject({ code: 'throttled' });
    chaos.reset();
    expect(await newest(used)).toMatchObject({ inUse: true });
  });

  test('the one in use goes when it is said so', async () => {
    const { images } = await open().list();
    for (const { id } of images) await open().retire(id, { evenInUse: true });
    expect((await open().list()).images).toEqual([]);
  });

  test('what a publication left that was cut off is shown, and goes', async () => {
    chaos.rules.push({ action: 'RegisterImage', how: 'error', times: 100 });
    await expect(open().publish(disk('6'))).rejects.toMatchObject({ code: 'throttled' });
    chaos.reset();
    const { unfinished, images } = await open().list();
    expect({ images, unfinished: unfinished.length }).toEqual({ images: [], unfinished: 1 });
    const [left] = unfinished;
    expect(await open().retire(left?.id ?? '', gone)).toEqual({ image: null, snapshots: [left?.id] });
    expect((await open().list()).unfinished).toEqual([]);
  });

  test('with credentials of another account nothing is done', async () => {
    const other = open({ accountId: '999999999999' });
    await expect(other.publish(disk('7'))).rejects.toMatchObject({ code: 'wrong_account' });
    await expect(other.list()).rejects.toMatchObject({ code: 'wrong_account' });
  });
});

test('a disk that cannot be read whole is not registered', async () => {
  await truncate(file, 0);
  await rm(file);
  const before = chaos.log.length;
  await expect(open().publish(disk('8'))).rejects.toThrow();
  expect(chaos.log.slice(before)).not.toContain('RegisterImage');
});

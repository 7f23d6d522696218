import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { currentImage } from '../../images/build.ts';
import { sha256OfFile } from '../../images/digest.ts';
import { OPERATIONS } from '../../orchestrator/operations/index.ts';
import { ACCOUNT, REGION } from '../support/aws/clients.ts';
import { type Moto, startMoto } from '../support/aws/moto.ts';
import { readDisk } from '../support/aws/published.ts';
import { burnbag, type Ended, parseDocument } from '../support/burnbag.ts';
import { makeTestHome, shareImageBase, type TestHome } from '../support/home.ts';
import { preparedHome } from '../support/sandbox.ts';

/* The user's own commands, a disk of the real image, and moto as the account. */

/** Quick when idle; a machine that boots VMs beside it takes its time. */
vi.setConfig({ testTimeout: 400_000, hookTimeout: 120_000 });

const AWS = {
  ...{ region: REGION, account_id: ACCOUNT, installation_id: 'one' },
  ...{ vpc_id: 'vpc-1', subnets: ['subnet-1'], relay_address: '10.84.0.10' },
};

let moto: Moto;
let place: TestHome;
beforeAll(async () => {
  [moto, place] = await Promise.all([startMoto(), makeTestHome()]);
  await configure({});
  await shareImageBase(place.home);
});
afterAll(async () => {
  await moto.stop();
  await place[Symbol.asyncDispose]();
});

const configure = (aws: object) =>
  writeFile(join(place.home, 'config.json'), JSON.stringify({ aws: { ...AWS, endpoint: moto.url, ...aws } }));
const image = (...args: string[]): Promise<Ended> =>
  burnbag(place, ['aws', 'image', ...args], {
    env: { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' },
  });
const told = (ended: Ended) => OPERATIONS.aws_image.result.parse(parseDocument(ended));

test('the image is published, byte for byte, listed, guarded and retired', async () => {
  const ended = await image('publish', '--json');
  expect(ended, ended.stderr).toMatchObject({ exitCode: 0 });
  const published = told(ended);
  if (published.did !== 'published') throw new Error(published.did);
  const { id } = published;
  expect(published.image_digest).toBe((await currentImage(preparedHome())).digest);

  const listed = told(await image('list', '--json'));
  if (listed.did !== 'listed') throw new Error(listed.did);
  expect(listed).toMatchObject({ images: [{ id, in_use: true, misfit: null, state: 'available' }], unfinished: [] });
  const [snapshot = ''] = listed.images[0]?.snapshots ?? [];
  expect(snapshot).toMatch(/^snap-/);
  const disk = join(place.scripts, 'disk.img');
  await readDisk(moto.url, id, disk);
  expect(await sha256OfFile(disk)).toBe(published.disk_sha256);

  const guarded = await image('retire', id);
  expect(guarded.stderr).toContain('image_in_use');
  expect(guarded.exitCode).toBe(77);
  const retired = await image('retire', id, '--in-use', '--json');
  expect(told(retired)).toMatchObject({ did: 'retired', gone: [id, snapshot] });
  const none = await image('list');
  expect(none.stdout).toBe('This installation has published no image.\n');
});

test.each([
  ['an image that is not there', ['retire', 'ami-0deb1300000000001'], {}, 66, 'no_such_image'],
  ['another account', ['list'], { account_id: '999999999999' }, 78, 'wrong_account'],
])('%s is refused', async (_what, args, aws, exitCode, code) => {
  await configure(aws);
  const ended = await image(...args);
  await configure({});
  expect(ended.stderr).toContain(code);
  expect(ended.exitCode).toBe(exitCode);
});

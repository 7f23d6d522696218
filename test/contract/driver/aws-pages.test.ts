import { CreateSnapshotCommand } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { AwsDriver } from '../../../infra/index.ts';
import { ROLES, TAGS } from '../../../infra/aws/tags.ts';
import { type AwsRig, makeAwsRig } from '../../support/aws/rig.ts';
import { INSTALLATION } from '../../support/aws/network.ts';
import { keepingObserver } from '../../support/sandbox.ts';
import { requestOf } from './request.ts';

/* EC2 answers in pages. moto does so for instances alone, so the proxy cuts every list into answers of one thing each. */

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const RUNS = ['ae0000000001', 'ae0000000002', 'ae0000000003'];
const never = new AbortController().signal;
let rig: AwsRig;
let driver: AwsDriver;
beforeAll(async () => {
  rig = await makeAwsRig();
  driver = rig.newDriver();
  for (const runId of RUNS) {
    const observer = keepingObserver();
    await driver.provision(requestOf(runId), observer, never);
    const VolumeId = observer.ids.find(({ kind }) => kind === 'volume')?.id;
    const tags = { [TAGS.installation]: INSTALLATION, [TAGS.role]: ROLES.sandbox, [TAGS.run]: runId };
    const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
    const TagSpecifications = [{ ResourceType: 'snapshot' as const, Tags }];
    await rig.ec2.send(new CreateSnapshotCommand({ VolumeId, TagSpecifications }));
  }
});
afterAll(() => rig[Symbol.asyncDispose]());

const KINDS = ['Instances', 'Volumes', 'NetworkInterfaces', 'SecurityGroups', 'Snapshots'];
const asked = (action: string): number => rig.chaos.log.filter((one) => one === action).length;

test('an inventory in pages is the same as one in one piece, of every kind', async () => {
  const whole = await driver.inventory();
  expect(new Set(whole.map(({ runId }) => runId))).toEqual(new Set(RUNS));
  rig.chaos.log.length = 0;
  rig.chaos.pageSize = 1;
  const inPages = await driver.inventory();
  const names = (found: typeof whole) => found.map(({ kind, id }) => `${kind} ${id}`).toSorted();
  expect(names(inPages)).toEqual(names(whole));
  for (const kind of KINDS) expect(asked(`Describe${kind}`), kind).toBeGreaterThanOrEqual(RUNS.length);
});

test('a burn in pages leaves nothing, beyond the first page too', async () => {
  rig.chaos.pageSize = 1;
  // Without their manifests: by what the lists show.
  for (const runId of RUNS) await rig.newDriver().destroy(runId, [], () => undefined);
  rig.chaos.pageSize = 0;
  expect(await driver.inventory()).toEqual([]);
  expect((await rig.existing()).filter((one) => RUNS.some((runId) => one.includes(runId)))).toEqual([]);
});

import {
  CreateSecurityGroupCommand,
  DescribeInstancesCommand,
  DescribeNetworkInterfacesCommand,
  DescribeSecurityGroupsCommand,
  DescribeVolumesCommand,
  type EC2Client,
  RunInstancesCommand,
  type Tag,
} from '@aws-sdk/client-ec2';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { AwsAccess } from '../../../infra/aws/api/clients.ts';
import type { AwsCall } from '../../../infra/aws/api/permissions.ts';
import type { AwsDriverOptions } from '../../../infra/aws/options.ts';
import { ROLES, TAGS, type Tags } from '../../../infra/aws/tags.ts';
import { type AwsDriver, createAwsDriver } from '../../../infra/index.ts';
import type { DriverRig } from '../../contract/driver/contract.ts';
import { makeHome } from '../sandbox.ts';
import { startAccount } from './account.ts';
import type { Chaos } from './chaos/chaos.ts';
import { ACCOUNT, REGION } from './clients.ts';
import { startGuests, talkingGuest } from './guests.ts';
import { type Moto, SANDBOX_IMAGE } from './moto.ts';
import { INSTALLATION, makeNetwork, type TestNetwork } from './network.ts';

/** An account with a network in it, the driver on it, and guests that only talk. */
export interface AwsRig extends DriverRig {
  readonly chaos: Chaos;
  readonly moto: Moto;
  readonly ec2: EC2Client;
  readonly network: TestNetwork;
  /** What its drivers are made from, as JSON can carry it. */
  readonly options: AwsDriverOptions;
  readonly access: AwsAccess;
  readonly account: string;
  readonly region: string;
  /** Every call of every driver so far. */
  readonly calls: readonly AwsCall[];
  newDriver(changes?: Partial<AwsDriverOptions>): AwsDriver;
}

const CREDENTIALS = { accessKeyId: 'test', secretAccessKey: 'test' };

export async function makeAwsRig(): Promise<AwsRig> {
  const world = await makeWorld();
  const { place, moto, chaos, ec2, network, provider } = world;
  const calls: AwsCall[] = [];
  const drivers: AwsDriver[] = [];
  const options: AwsDriverOptions = {
    ...{ home: place.home, installationId: INSTALLATION, engine: 'embedded', accountId: ACCOUNT },
    access: { region: REGION, endpoint: chaos.url, credentials: CREDENTIALS, onCall: (call) => calls.push(call) },
    ...{ vpcId: network.vpcId, relayAddress: '10.84.0.10', rootGiB: 4 },
    choices: { instanceTypes: ['t3.small', 'm5.large'], subnets: network.subnets, spot: 'never' },
    providers: { aws: provider.address },
    waits: { pollMs: 30, readyMs: 20_000, goneMs: 20_000, visibleMs: 1_000, endedMs: 500 },
  };
  const newDriver = (changes: Partial<AwsDriverOptions> = {}): AwsDriver => {
    const driver = createAwsDriver({ ...options, ...changes });
    drivers.push(driver);
    return driver;
  };
  return {
    ...{ home: place.home, chaos, moto, ec2, network, calls, newDriver, options },
    ...{ access: options.access, account: ACCOUNT, region: REGION },
    existing: () => everything(ec2, place.home),
    makeLookAlike: (runId) => makeLookAlike(ec2, network, runId),
    foreignIds: [
      { kind: 'process', id: '1@1', detail: {} },
      {
        kind: 'instance',
        id: 'i-0123456789abcdef0',
        detail: { account: '999999999999', region: REGION, run: 'ab0000000007' },
      },
      {
        kind: 'volume',
        id: 'vol-0123456789abcdef0',
        detail: { account: ACCOUNT, region: 'us-east-1', run: 'ab0000000007' },
      },
    ],
    async [Symbol.asyncDispose]() {
      await Promise.all(drivers.map((driver) => driver.close()));
      await world[Symbol.asyncDispose]();
    },
  };
}

/** The account, with a guest that talks behind each instance, a network, and a data directory. */
async function makeWorld() {
  await using made = new AsyncDisposableStack();
  const place = made.use(await makeHome());
  const account = made.use(await startAccount());
  made.use(startGuests(account.moto.url, account.chaos, talkingGuest));
  const network = await makeNetwork(account.ec2);
  const all = made.move();
  return { ...account, place, network, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

/** Asked of moto itself, past the proxy: what lives, each with its run, and what this host keeps. */
async function everything(ec2: EC2Client, home: string): Promise<readonly string[]> {
  const name = (kind: string, id: string | undefined, tags: readonly Tag[] | undefined): string =>
    `${kind} ${id ?? ''} ${tagOf(tags, TAGS.run)}`;
  const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand({}));
  const { Volumes = [] } = await ec2.send(new DescribeVolumesCommand({}));
  const { NetworkInterfaces = [] } = await ec2.send(new DescribeNetworkInterfacesCommand({}));
  const { SecurityGroups = [] } = await ec2.send(new DescribeSecurityGroupsCommand({}));
  const instances = Reservations.flatMap(({ Instances = [] }) => Instances);
  const files = await Promise.all(['live', 'state'].map((folder) => list(join(home, folder))));
  return [
    ...instances
      .filter(({ State }) => State?.Name !== 'terminated')
      .map(({ InstanceId, Tags }) => name('instance', InstanceId, Tags)),
    ...Volumes.map(({ VolumeId, Tags }) => name('volume', VolumeId, Tags)),
    ...NetworkInterfaces.map(({ NetworkInterfaceId, TagSet }) => name('interface', NetworkInterfaceId, TagSet)),
    ...SecurityGroups.map(({ GroupId, Tags }) => name('group', GroupId, Tags)),
    ...files.flat(),
  ];
}

async function list(folder: string): Promise<readonly string[]> {
  return readdir(folder, { recursive: true }).catch(() => []);
}

function tagOf(tags: readonly Tag[] | undefined, key: string): string {
  return tags?.find(({ Key }) => Key === key)?.Value ?? '';
}

/** A machine and a group of another installation, with the same run id. */
async function makeLookAlike(ec2: EC2Client, { vpcId, subnets }: TestNetwork, runId: string): Promise<string> {
  const tags: Tags = { [TAGS.installation]: 'another', [TAGS.role]: ROLES.sandbox, [TAGS.run]: runId };
  const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
  await ec2.send(
    new CreateSecurityGroupCommand({
      ...{ GroupName: `another-${runId}`, Description: 'another', VpcId: vpcId },
      TagSpecifications: [{ ResourceType: 'security-group', Tags }],
    }),
  );
  const { Instances = [] } = await ec2.send(
    new RunInstancesCommand({
      ...{ ImageId: SANDBOX_IMAGE, InstanceType: 't3.small', MinCount: 1, MaxCount: 1, SubnetId: subnets[0] },
      TagSpecifications: [{ ResourceType: 'instance', Tags }],
    }),
  );
  return `instance ${Instances[0]?.InstanceId ?? ''} ${runId}`;
}

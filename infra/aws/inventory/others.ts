import {
  DeleteKeyPairCommand,
  DeleteSnapshotCommand,
  DescribeAddressesCommand,
  DescribeKeyPairsCommand,
  DescribeSnapshotsCommand,
  paginateDescribeSnapshots,
  ReleaseAddressCommand,
  type Address,
  type KeyPairInfo,
  type Snapshot,
} from '@aws-sdk/client-ec2';
import { everyPage, type Kind, PAGE_SIZE, type Seen, tagsOf } from './kind.ts';

/*
 * What no run makes and what somebody could make in its name: a copy of its disk, a key into it, a public address. With a run's tags they
 * are the run's, and go with it.
 */

/** Copies of disks, of our own account only. */
export const SNAPSHOTS: Kind = {
  kind: 'snapshot',
  lookup: 'DescribeSnapshots',
  removal: 'DeleteSnapshot',
  list: async (client, Filters) =>
    (
      await everyPage(
        paginateDescribeSnapshots({ client, pageSize: PAGE_SIZE }, { Filters, OwnerIds: ['self'] }),
        (page) => page.Snapshots,
      )
    ).map(snapshot),
  byId: async (ec2, id) =>
    ((await ec2.send(new DescribeSnapshotsCommand({ SnapshotIds: [id] }))).Snapshots ?? []).map(snapshot),
  remove: (ec2, id) => ec2.send(new DeleteSnapshotCommand({ SnapshotId: id })),
};

/** Key pairs, by their id: names can be used again. */
export const KEY_PAIRS: Kind = {
  kind: 'key-pair',
  lookup: 'DescribeKeyPairs',
  removal: 'DeleteKeyPair',
  list: async (ec2, Filters) =>
    ((await ec2.send(new DescribeKeyPairsCommand({ Filters }))).KeyPairs ?? []).map(keyPair),
  byId: async (ec2, id) =>
    ((await ec2.send(new DescribeKeyPairsCommand({ KeyPairIds: [id] }))).KeyPairs ?? []).map(keyPair),
  remove: (ec2, id) => ec2.send(new DeleteKeyPairCommand({ KeyPairId: id })),
};

/** Public addresses. */
export const ADDRESSES: Kind = {
  kind: 'address',
  lookup: 'DescribeAddresses',
  removal: 'ReleaseAddress',
  list: async (ec2, Filters) =>
    ((await ec2.send(new DescribeAddressesCommand({ Filters }))).Addresses ?? []).map(address),
  byId: async (ec2, id) =>
    ((await ec2.send(new DescribeAddressesCommand({ AllocationIds: [id] }))).Addresses ?? []).map(address),
  remove: (ec2, id) => ec2.send(new ReleaseAddressCommand({ AllocationId: id })),
};

function snapshot({ SnapshotId = '', State = 'pending', Tags, OwnerId, StartTime }: Snapshot): Seen {
  return {
    id: SnapshotId,
    exists: true,
    state: State,
    tags: tagsOf(Tags),
    account: OwnerId,
    since: StartTime?.toISOString(),
  };
}

function keyPair({ KeyPairId = '', Tags, CreateTime }: KeyPairInfo): Seen {
  return {
    id: KeyPairId,
    exists: true,
    state: 'present',
    tags: tagsOf(Tags),
    account: undefined,
    since: CreateTime?.toISOString(),
  };
}

function address({ AllocationId = '', Tags, AssociationId }: Address): Seen {
  const state = AssociationId === undefined ? 'free' : 'associated';
  return { id: AllocationId, exists: true, state, tags: tagsOf(Tags), account: undefined, since: undefined };
}

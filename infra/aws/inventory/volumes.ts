import { DeleteVolumeCommand, DescribeVolumesCommand, paginateDescribeVolumes, type Volume } from '@aws-sdk/client-ec2';
import { everyPage, type Kind, PAGE_SIZE, type Seen, tagsOf } from './kind.ts';

/** Disks. One that is being deleted is still there. */
export const VOLUMES: Kind = {
  kind: 'volume',
  lookup: 'DescribeVolumes',
  removal: 'DeleteVolume',
  list: async (client, Filters) =>
    (
      await everyPage(paginateDescribeVolumes({ client, pageSize: PAGE_SIZE }, { Filters }), (page) => page.Volumes)
    ).map(seen),
  byId: async (ec2, id) => ((await ec2.send(new DescribeVolumesCommand({ VolumeIds: [id] }))).Volumes ?? []).map(seen),
  remove: (ec2, id) => ec2.send(new DeleteVolumeCommand({ VolumeId: id })),
};

function seen({ VolumeId = '', State = 'creating', Tags, CreateTime }: Volume): Seen {
  return {
    id: VolumeId,
    exists: true,
    state: State,
    tags: tagsOf(Tags),
    account: undefined,
    since: CreateTime?.toISOString(),
  };
}

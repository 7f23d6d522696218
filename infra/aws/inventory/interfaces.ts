import {
  DeleteNetworkInterfaceCommand,
  DescribeNetworkInterfacesCommand,
  type NetworkInterface,
  paginateDescribeNetworkInterfaces,
} from '@aws-sdk/client-ec2';
import { everyPage, type Kind, PAGE_SIZE, type Seen, tagsOf } from './kind.ts';

/** Network interfaces. One that a machine holds cannot be deleted before the machine has ended. */
export const INTERFACES: Kind = {
  kind: 'interface',
  lookup: 'DescribeNetworkInterfaces',
  removal: 'DeleteNetworkInterface',
  list: async (client, Filters) =>
    (
      await everyPage(
        paginateDescribeNetworkInterfaces({ client, pageSize: PAGE_SIZE }, { Filters }),
        (page) => page.NetworkInterfaces,
      )
    ).map(seen),
  byId: async (ec2, id) =>
    ((await ec2.send(new DescribeNetworkInterfacesCommand({ NetworkInterfaceIds: [id] }))).NetworkInterfaces ?? []).map(
      seen,
    ),
  remove: (ec2, id) => ec2.send(new DeleteNetworkInterfaceCommand({ NetworkInterfaceId: id })),
};

function seen({ NetworkInterfaceId = '', Status, TagSet, OwnerId }: NetworkInterface): Seen {
  return {
    id: NetworkInterfaceId,
    exists: true,
    state: Status ?? 'unknown',
    tags: tagsOf(TagSet),
    account: OwnerId,
    since: undefined,
  };
}

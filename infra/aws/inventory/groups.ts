import {
  DeleteSecurityGroupCommand,
  DescribeSecurityGroupsCommand,
  paginateDescribeSecurityGroups,
  type SecurityGroup,
} from '@aws-sdk/client-ec2';
import { everyPage, type Kind, PAGE_SIZE, type Seen, tagsOf } from './kind.ts';

/** Security groups. One that an interface carries cannot be deleted before the interface is gone. */
export const GROUPS: Kind = {
  kind: 'security-group',
  lookup: 'DescribeSecurityGroups',
  removal: 'DeleteSecurityGroup',
  list: async (client, Filters) =>
    (
      await everyPage(
        paginateDescribeSecurityGroups({ client, pageSize: PAGE_SIZE }, { Filters }),
        (page) => page.SecurityGroups,
      )
    ).map(seen),
  byId: async (ec2, id) =>
    ((await ec2.send(new DescribeSecurityGroupsCommand({ GroupIds: [id] }))).SecurityGroups ?? []).map(seen),
  remove: (ec2, id) => ec2.send(new DeleteSecurityGroupCommand({ GroupId: id })),
};

function seen({ GroupId = '', Tags, OwnerId }: SecurityGroup): Seen {
  return { id: GroupId, exists: true, state: 'present', tags: tagsOf(Tags), account: OwnerId, since: undefined };
}

import {
  DescribeInstancesCommand,
  type Instance,
  paginateDescribeInstances,
  type Reservation,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { everyPage, type Kind, PAGE_SIZE, type Seen, tagsOf } from './kind.ts';

/** Machines. A terminated one is shown for about an hour more, with its tags and the time of its end; its id is never used again. */
export const INSTANCES: Kind = {
  kind: 'instance',
  lookup: 'DescribeInstances',
  removal: 'TerminateInstances',
  list: async (client, Filters) =>
    (
      await everyPage(
        paginateDescribeInstances({ client, pageSize: PAGE_SIZE }, { Filters }),
        (page) => page.Reservations,
      )
    ).flatMap(seenIn),
  byId: async (ec2, id) =>
    ((await ec2.send(new DescribeInstancesCommand({ InstanceIds: [id] }))).Reservations ?? []).flatMap(seenIn),
  // One by one: a batch with one unknown id ends none of them.
  remove: (ec2, id) => ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] })),
};

function seenIn({ Instances = [], OwnerId }: Reservation): Seen[] {
  return Instances.map((instance) => ({
    id: instance.InstanceId ?? '',
    exists: instance.State?.Name !== 'terminated',
    state: stateOf(instance),
    tags: tagsOf(instance.Tags),
    account: OwnerId,
    since: instance.LaunchTime?.toISOString(),
  }));
}

/** The reason of a transition carries its time. Why AWS itself ended a machine is in StateReason: see interruption.ts. */
function stateOf({ State, StateTransitionReason = '', StateReason }: Instance): string {
  const reasons = [StateTransitionReason, StateReason?.Code ?? ''].filter((text) => text !== '');
  return [State?.Name ?? 'unknown', ...reasons].join(', ');
}

import { block, blocks, expect, firstOf, type Properties, roleOf, type Rule, type Seen } from '../rule.ts';

const INSTANCE = ['aws:ec2/instance:Instance'];

/** What a machine must and must not have. The relay host, which carries the tag of the foundation, runs no unknown script: it may be told what it is. */
export const MACHINE_RULES: readonly Rule[] = [
  {
    name: 'no-metadata-service',
    why: 'a script in the sandbox would read its identity, and a role if there ever was one, from 169.254.169.254',
    types: INSTANCE,
    check: (machine) => {
      const { httpEndpoint, httpTokens, httpPutResponseHopLimit: hops } = block(machine.props['metadataOptions']);
      if (!isOfFoundation(machine) || httpEndpoint === 'disabled')
        return expect(
          httpEndpoint === 'disabled',
          'metadataOptions.httpEndpoint "disabled" (the default is enabled)',
          httpEndpoint,
        );
      return firstOf(
        expect(httpTokens === 'required', 'metadataOptions.httpTokens "required", or no service', httpTokens),
        expect(hops === 1, 'metadataOptions.httpPutResponseHopLimit 1', hops),
      );
    },
  },
  {
    name: 'no-instance-profile',
    why: 'a sandbox with a role can act in the account',
    types: INSTANCE,
    check: ({ props }) =>
      expect(props['iamInstanceProfile'] === undefined, 'no iamInstanceProfile', props['iamInstanceProfile']),
  },
  {
    name: 'nothing-sent-in',
    why: 'a key pair or user data is a second way in, and stands readable in the account',
    types: INSTANCE,
    check: (machine) => {
      const told = isOfFoundation(machine) ? [] : ['userData', 'userDataBase64'];
      return firstOf(
        ...['keyName', 'launchTemplate', ...told].map((name) =>
          expect(machine.props[name] === undefined, `no ${name}`, machine.props[name]),
        ),
      );
    },
  },
  {
    name: 'interface-first',
    why: 'only a machine on an interface that was made before it can be launched once and found at once',
    types: INSTANCE,
    check: ({ props }) =>
      firstOf(
        expect(props['primaryNetworkInterface'] !== undefined, 'a primaryNetworkInterface', undefined),
        ...['subnetId', 'networkInterfaces', 'secondaryNetworkInterfaces', 'vpcSecurityGroupIds'].map((name) =>
          expect(props[name] === undefined, `no ${name} beside it`, props[name]),
        ),
      ),
  },
  {
    name: 'encrypted-disks',
    why: 'what a sandbox wrote must not be readable from its disk',
    types: INSTANCE,
    check: ({ props }) =>
      firstOf(...disksOf(props).map(({ encrypted }) => expect(encrypted === true, 'every disk encrypted', encrypted))),
  },
  {
    name: 'disks-go-with-the-machine',
    why: 'a disk that outlives its machine is what the burn is there to prevent',
    types: INSTANCE,
    check: ({ props }) =>
      firstOf(
        ...disksOf(props).map(({ deleteOnTermination }) =>
          expect(deleteOnTermination === true, 'deleteOnTermination true', deleteOnTermination),
        ),
      ),
  },
  {
    name: 'ends-on-shutdown',
    why: "the guest's own dead-man switch powers it off, and a stopped machine with its disk would wait for ever",
    types: INSTANCE,
    check: (machine) => {
      const { props } = machine;
      if (isOfFoundation(machine)) return undefined;
      const behaviour = props['instanceInitiatedShutdownBehavior'];
      return firstOf(
        expect(behaviour === 'terminate', 'instanceInitiatedShutdownBehavior "terminate"', behaviour),
        ...['disableApiTermination', 'disableApiStop', 'hibernation'].map((name) =>
          expect(props[name] === undefined || props[name] === false, `${name} false`, props[name]),
        ),
      );
    },
  },
  {
    name: 'never-comes-back',
    why: 'EC2 restarts a machine whose host failed, and a persistent spot request starts another',
    types: INSTANCE,
    check: (machine) => {
      const { props } = machine;
      if (isOfFoundation(machine)) return undefined;
      const recovery = block(props['maintenanceOptions'])['autoRecovery'];
      const spot = block(block(props['instanceMarketOptions'])['spotOptions']);
      const isOnce = spot['spotInstanceType'] === undefined || spot['spotInstanceType'] === 'one-time';
      const ends = spot['instanceInterruptionBehavior'];
      return firstOf(
        expect(recovery === 'disabled', 'maintenanceOptions.autoRecovery "disabled"', recovery),
        expect(isOnce, 'spotInstanceType "one-time"', spot['spotInstanceType']),
        expect(ends === undefined || ends === 'terminate', 'instanceInterruptionBehavior "terminate"', ends),
      );
    },
  },
];

/** A tag that is not known yet is no such tag: then what is asked of a sandbox is asked. */
function isOfFoundation(machine: Seen): boolean {
  return roleOf(machine) === 'foundation';
}

/** The root disk counts where nothing is said of it: the image's own defaults are not known here. */
function disksOf(props: Properties): readonly Properties[] {
  return [block(props['rootBlockDevice']), ...blocks(props['ebsBlockDevices'])];
}

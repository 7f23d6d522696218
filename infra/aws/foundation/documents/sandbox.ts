import { all, carries, ec2Arns, isGiven, type Place, type Statement } from './statement.ts';

/** Looking, which EC2 does not divide by resource: everything in the region can be seen, by whoever may see at all. */
export function seeing({ region }: Place): Statement {
  return {
    sid: 'See',
    why: 'is it there, is it ours, is it gone: by id and by tag; and what Pulumi’s provider reads of what it made',
    effect: 'Allow',
    actions: [
      'ec2:DescribeAddresses',
      'ec2:DescribeImages',
      'ec2:DescribeInstanceAttribute',
      'ec2:DescribeInstanceCreditSpecifications',
      'ec2:DescribeInstanceTypes',
      'ec2:DescribeInstances',
      'ec2:DescribeKeyPairs',
      'ec2:DescribeNetworkInterfaces',
      'ec2:DescribeSecurityGroupRules',
      'ec2:DescribeSecurityGroups',
      'ec2:DescribeSnapshots',
      'ec2:DescribeSpotInstanceRequests',
      'ec2:DescribeSubnets',
      'ec2:DescribeTags',
      'ec2:DescribeVolumes',
      'ec2:DescribeVpcs',
    ],
    resources: ['*'],
    conditions: { StringEquals: { 'aws:RequestedRegion': region } },
  };
}

/** Ending what carries a sandbox's tags, and nothing else. */
export function ending(place: Place): Statement {
  return {
    sid: 'EndSandboxes',
    why: 'the burn and the reaper: whatever of a run is left, with the stack’s state or without',
    effect: 'Allow',
    actions: [
      'ec2:DeleteKeyPair',
      'ec2:DeleteNetworkInterface',
      'ec2:DeleteSecurityGroup',
      'ec2:DeleteSnapshot',
      'ec2:DeleteVolume',
      'ec2:DetachNetworkInterface',
      'ec2:ReleaseAddress',
      'ec2:TerminateInstances',
    ],
    resources: [
      ...ec2Arns(
        place,
        'instance/*',
        'network-interface/*',
        'security-group/*',
        'volume/*',
        'key-pair/*',
        'elastic-ip/*',
      ),
      `arn:aws:ec2:${place.region}::snapshot/*`,
    ],
    conditions: carries(place, 'sandbox'),
  };
}

/** Making a sandbox, in parts: what is made must be tagged by the request itself, what is used must be ours. */
export function making(place: Place): readonly Statement[] {
  return [...launching(place), ...usingOurs(place), ...surrounding(place)];
}

/** What comes into being with a launch. */
function launching(place: Place): readonly Statement[] {
  return [
    {
      sid: 'LaunchMachine',
      why: 'a machine without metadata service, role or key, tagged as it comes into being',
      effect: 'Allow',
      actions: ['ec2:RunInstances'],
      resources: ec2Arns(place, 'instance/*'),
      conditions: all(isGiven(place, 'sandbox'), {
        StringEquals: { 'ec2:MetadataHttpEndpoint': 'disabled' },
        Null: { 'ec2:InstanceProfile': 'true', 'aws:RequestTag/burnbag:run': 'false' },
      }),
    },
    {
      sid: 'LaunchDisk',
      why: 'its disk, encrypted and tagged',
      effect: 'Allow',
      actions: ['ec2:RunInstances'],
      resources: ec2Arns(place, 'volume/*'),
      conditions: all(isGiven(place, 'sandbox'), { Bool: { 'ec2:Encrypted': 'true' } }),
    },
  ];
}

/** What a launch may use. */
function usingOurs(place: Place): readonly Statement[] {
  return [
    {
      sid: 'LaunchFromOurImage',
      why: 'no other image becomes a sandbox',
      effect: 'Allow',
      actions: ['ec2:RunInstances'],
      resources: [`arn:aws:ec2:${place.region}::image/*`],
      conditions: carries(place, 'image'),
    },
    {
      sid: 'LaunchOnItsInterface',
      why: 'an interface made for a sandbox, in its group',
      effect: 'Allow',
      actions: ['ec2:RunInstances'],
      resources: ec2Arns(place, 'network-interface/*', 'security-group/*'),
      conditions: carries(place, 'sandbox'),
    },
    {
      sid: 'LaunchForSpot',
      why: 'where a profile asks for the spot price',
      effect: 'Allow',
      actions: ['ec2:RunInstances'],
      resources: ec2Arns(place, 'spot-instances-request/*'),
    },
    {
      sid: 'MakeInOurNetwork',
      why: 'nowhere but in the network that has no way out',
      effect: 'Allow',
      actions: ['ec2:CreateNetworkInterface', 'ec2:CreateSecurityGroup', 'ec2:RunInstances'],
      resources: ec2Arns(place, 'subnet/*', 'vpc/*'),
      conditions: carries(place, 'foundation'),
    },
  ];
}

/** The interface and the group around a machine, their one rule, their tags, and the console. */
function surrounding(place: Place): readonly Statement[] {
  return [
    {
      sid: 'MakeInterfaceAndGroup',
      why: 'both tagged as they come into being',
      effect: 'Allow',
      actions: ['ec2:CreateNetworkInterface', 'ec2:CreateSecurityGroup'],
      resources: ec2Arns(place, 'network-interface/*', 'security-group/*'),
      conditions: isGiven(place, 'sandbox'),
    },
    {
      sid: 'MakeInterfaceInOurGroup',
      why: 'an interface in a group that was made for a sandbox',
      effect: 'Allow',
      actions: ['ec2:CreateNetworkInterface'],
      resources: ec2Arns(place, 'security-group/*'),
      conditions: carries(place, 'sandbox'),
    },
    {
      sid: 'OpenForRelay',
      why: 'one rule in, and the default rule out removed. There is no permission to let anything out',
      effect: 'Allow',
      actions: ['ec2:AuthorizeSecurityGroupIngress', 'ec2:RevokeSecurityGroupEgress', 'ec2:RevokeSecurityGroupIngress'],
      resources: ec2Arns(place, 'security-group/*'),
      conditions: carries(place, 'sandbox'),
    },
    {
      sid: 'TagAtCreation',
      why: 'tags decide what may be deleted: they come with a thing and never later',
      effect: 'Allow',
      actions: ['ec2:CreateTags'],
      resources: ec2Arns(place, '*/*'),
      conditions: all(isGiven(place, 'sandbox'), {
        StringEquals: { 'ec2:CreateAction': ['CreateNetworkInterface', 'CreateSecurityGroup', 'RunInstances'] },
      }),
    },
    {
      sid: 'ReadConsole',
      why: "the guest's host key, over a channel its network does not have",
      effect: 'Allow',
      actions: ['ec2:GetConsoleOutput'],
      resources: ec2Arns(place, 'instance/*'),
      conditions: carries(place, 'sandbox'),
    },
  ];
}

import type { Properties } from './rule.ts';

/** What a rule says yes to, and what it says no to, each with its reason as a name: `ok-` and `fail-` as in a table of a CA. */
export interface Case {
  readonly name: `ok-${string}` | `fail-${string}`;
  readonly type: string;
  readonly props: Properties;
}

const INSTANCE = 'aws:ec2/instance:Instance';
const GROUP = 'aws:ec2/securityGroup:SecurityGroup';
const BUCKET = 'aws:s3/bucket:Bucket';
const LOCK = 'aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration';
const SANDBOX = {
  'burnbag:installation': 'i',
  'burnbag:role': 'sandbox',
  'burnbag:run': 'r',
  'burnbag:deadline': '2030-01-01T00:00:00Z',
};
const FOUNDATION = { 'burnbag:installation': 'i', 'burnbag:role': 'foundation' };
const RELAY = { protocol: 'tcp', fromPort: 22, toPort: 22, cidrBlocks: ['10.0.0.9/32'] };
/** As an input looks that another resource has yet to give. */
const LATER = { __pulumiOutput: true };

const machine = (props: Properties, name: Case['name']): Case => ({ name, type: INSTANCE, props });
/** The relay host: a machine of the foundation. */
const relay = (props: Properties, name: Case['name']): Case => machine({ tags: FOUNDATION, ...props }, name);
const TOKENS = { httpEndpoint: 'enabled', httpTokens: 'required', httpPutResponseHopLimit: 1 };
const group = (tags: Properties, props: Properties, name: Case['name']): Case => ({
  name,
  type: GROUP,
  props: { tags, ...props },
});
const refused = (type: string, props: Properties = {}): Case => ({ name: `fail-${type}`, type, props });

/** Cases by the name of their rule; every rule has some of both. */
export const CASES: Readonly<Record<string, readonly Case[]>> = {
  'no-metadata-service': [
    machine({ metadataOptions: { httpEndpoint: 'disabled' } }, 'ok-disabled'),
    machine({ metadataOptions: { httpEndpoint: 'enabled', httpTokens: 'required' } }, 'fail-only-tokens-required'),
    machine({}, 'fail-the-default'),
    machine({ metadataOptions: LATER }, 'fail-not-known-yet'),
    machine({ tags: SANDBOX, metadataOptions: TOKENS }, 'fail-a-sandbox-with-tokens'),
    machine({ tags: LATER, metadataOptions: TOKENS }, 'fail-tags-not-known-yet'),
    relay({ metadataOptions: TOKENS }, 'ok-the-relay-with-tokens'),
    relay({ metadataOptions: { httpEndpoint: 'disabled' } }, 'ok-the-relay-without'),
    relay({ metadataOptions: { ...TOKENS, httpTokens: 'optional' } }, 'fail-the-relay-without-tokens'),
    relay({ metadataOptions: { ...TOKENS, httpPutResponseHopLimit: 2 } }, 'fail-the-relay-for-others'),
    relay({}, 'fail-the-relay-by-default'),
  ],
  'no-instance-profile': [
    machine({}, 'ok-none'),
    machine({ iamInstanceProfile: 'admin' }, 'fail-a-profile'),
    machine({ iamInstanceProfile: LATER }, 'fail-not-known-yet'),
    relay({ iamInstanceProfile: 'admin' }, 'fail-the-relay-too'),
  ],
  'nothing-sent-in': [
    machine({}, 'ok-nothing'),
    machine({ keyName: 'mine' }, 'fail-a-key-pair'),
    machine({ userData: '#!/bin/sh' }, 'fail-user-data'),
    machine({ launchTemplate: { id: 'lt-1' } }, 'fail-a-launch-template-could-say-anything'),
    machine({ tags: LATER, userData: '#!/bin/sh' }, 'fail-user-data-tags-not-known-yet'),
    relay({ userData: '#cloud-config' }, 'ok-the-relay-is-told-whom-to-let-in'),
    relay({ keyName: 'mine' }, 'fail-a-key-pair-for-the-relay'),
  ],
  'interface-first': [
    machine({ primaryNetworkInterface: { networkInterfaceId: 'eni-1' } }, 'ok-made-before'),
    machine({ subnetId: 'subnet-1' }, 'fail-made-by-the-launch'),
    machine(
      { primaryNetworkInterface: { networkInterfaceId: 'eni-1' }, secondaryNetworkInterfaces: [{}] },
      'fail-a-second-one',
    ),
  ],
  'encrypted-disks': [
    machine({ rootBlockDevice: { encrypted: true } }, 'ok-encrypted'),
    machine({}, 'fail-the-default'),
    machine({ rootBlockDevice: { encrypted: false } }, 'fail-plain'),
    machine({ rootBlockDevice: { encrypted: true }, ebsBlockDevices: [{ encrypted: false }] }, 'fail-a-second-disk'),
    machine({ rootBlockDevice: { encrypted: true }, ebsBlockDevices: LATER }, 'fail-disks-not-known-yet'),
  ],
  'disks-go-with-the-machine': [
    machine({ rootBlockDevice: { deleteOnTermination: true } }, 'ok-deleted'),
    machine({ rootBlockDevice: { deleteOnTermination: false } }, 'fail-kept'),
    machine({ rootBlockDevice: {} }, 'fail-not-said'),
  ],
  'ends-on-shutdown': [
    machine({ instanceInitiatedShutdownBehavior: 'terminate' }, 'ok-terminate'),
    machine({}, 'fail-the-default-is-stop'),
    machine({ instanceInitiatedShutdownBehavior: 'stop' }, 'fail-stop'),
    machine({ instanceInitiatedShutdownBehavior: 'terminate', disableApiTermination: true }, 'fail-protected'),
    machine({ instanceInitiatedShutdownBehavior: 'terminate', hibernation: true }, 'fail-hibernation'),
    relay({}, 'ok-the-relay-may-be-stopped'),
  ],
  'never-comes-back': [
    machine({ maintenanceOptions: { autoRecovery: 'disabled' } }, 'ok-on-demand'),
    machine(
      {
        maintenanceOptions: { autoRecovery: 'disabled' },
        instanceMarketOptions: { marketType: 'spot', spotOptions: { spotInstanceType: 'one-time' } },
      },
      'ok-spot-once',
    ),
    machine({}, 'fail-recovery-is-the-default'),
    relay({}, 'ok-the-relay-may-come-back'),
    machine(
      {
        maintenanceOptions: { autoRecovery: 'disabled' },
        instanceMarketOptions: { spotOptions: { spotInstanceType: 'persistent' } },
      },
      'fail-persistent-request',
    ),
    machine(
      {
        maintenanceOptions: { autoRecovery: 'disabled' },
        instanceMarketOptions: { spotOptions: { instanceInterruptionBehavior: 'stop' } },
      },
      'fail-interrupted-and-kept',
    ),
  ],
  'no-public-address': [
    machine({}, 'ok-none'),
    { name: 'ok-subnet', type: 'aws:ec2/subnet:Subnet', props: { mapPublicIpOnLaunch: false } },
    machine({ associatePublicIpAddress: true }, 'fail-asked-for'),
    { name: 'fail-given-by-the-subnet', type: 'aws:ec2/subnet:Subnet', props: { mapPublicIpOnLaunch: true } },
    refused('aws:ec2/eip:Eip'),
    refused('aws:ec2/eipAssociation:EipAssociation'),
  ],
  'no-open-ingress': [
    group(SANDBOX, { ingress: [RELAY] }, 'ok-the-relay'),
    group(SANDBOX, { ingress: [] }, 'ok-nobody'),
    group(FOUNDATION, { ingress: [{ ...RELAY, cidrBlocks: ['10.0.0.0/8'] }] }, 'ok-a-named-network-for-the-relay'),
    group(SANDBOX, { ingress: [{ ...RELAY, cidrBlocks: ['10.0.0.0/24'] }] }, 'fail-a-network'),
    group(SANDBOX, { ingress: [{ ...RELAY, cidrBlocks: ['10.0.0.9/32', '10.0.0.8/32'] }] }, 'fail-two-addresses'),
    group(SANDBOX, { ingress: [{ ...RELAY, toPort: 65535 }] }, 'fail-a-range-of-ports'),
    group(SANDBOX, { ingress: [{ ...RELAY, protocol: '-1' }] }, 'fail-any-protocol'),
    group(SANDBOX, { ingress: [{ ...RELAY, self: true }] }, 'fail-other-sandboxes'),
    group(SANDBOX, { ingress: [{ ...RELAY, ipv6CidrBlocks: ['::/0'] }] }, 'fail-ipv6'),
    group(SANDBOX, { ingress: LATER }, 'fail-not-known-yet'),
    group(FOUNDATION, { ingress: [{ ...RELAY, cidrBlocks: ['0.0.0.0/0'] }] }, 'fail-everybody-to-the-relay'),
  ],
  'no-egress': [
    group(SANDBOX, { egress: [] }, 'ok-nothing'),
    group(SANDBOX, {}, 'ok-not-said-is-nothing'),
    group(FOUNDATION, { egress: [RELAY] }, 'ok-the-relay-to-somewhere'),
    group(SANDBOX, { egress: [RELAY] }, 'fail-one-address'),
    group(FOUNDATION, { egress: [{ protocol: '-1', cidrBlocks: ['0.0.0.0/0'] }] }, 'fail-the-relay-to-everywhere'),
  ],
  'rules-in-their-group': [
    group(SANDBOX, {}, 'ok-inside'),
    refused('aws:ec2/securityGroupRule:SecurityGroupRule'),
    refused('aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule'),
    refused('aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule'),
  ],
  'no-way-out': [
    {
      name: 'ok-peering',
      type: 'aws:ec2/routeTable:RouteTable',
      props: { routes: [{ cidrBlock: '10.1.0.0/16', vpcPeeringConnectionId: 'pcx-1' }] },
    },
    refused('aws:ec2/internetGateway:InternetGateway'),
    refused('aws:ec2/natGateway:NatGateway'),
    refused('aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway'),
    {
      name: 'fail-default-route-over-the-peering',
      type: 'aws:ec2/routeTable:RouteTable',
      props: { routes: [{ cidrBlock: '0.0.0.0/0', vpcPeeringConnectionId: 'pcx-1' }] },
    },
    {
      name: 'fail-through-a-gateway',
      type: 'aws:ec2/route:Route',
      props: { destinationCidrBlock: '198.51.100.0/24', gatewayId: 'igw-1' },
    },
  ],
  'locked-bucket': [
    { name: 'ok-bucket', type: BUCKET, props: { objectLockEnabled: true } },
    { name: 'ok-lock', type: LOCK, props: { rule: { defaultRetention: { mode: 'COMPLIANCE', days: 30 } } } },
    { name: 'fail-no-lock', type: BUCKET, props: {} },
    { name: 'fail-emptied-on-removal', type: BUCKET, props: { objectLockEnabled: true, forceDestroy: true } },
    { name: 'fail-governance', type: LOCK, props: { rule: { defaultRetention: { mode: 'GOVERNANCE', days: 30 } } } },
    { name: 'fail-no-retention', type: LOCK, props: { rule: { defaultRetention: { mode: 'COMPLIANCE' } } } },
  ],
  'versioned-bucket': [
    {
      name: 'ok-enabled',
      type: 'aws:s3/bucketVersioning:BucketVersioning',
      props: { versioningConfiguration: { status: 'Enabled' } },
    },
    {
      name: 'fail-suspended',
      type: 'aws:s3/bucketVersioning:BucketVersioning',
      props: { versioningConfiguration: { status: 'Suspended' } },
    },
  ],
  'private-bucket': [
    {
      name: 'ok-all-four',
      type: 'aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock',
      props: { blockPublicAcls: true, blockPublicPolicy: true, ignorePublicAcls: true, restrictPublicBuckets: true },
    },
    {
      name: 'fail-three-of-four',
      type: 'aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock',
      props: { blockPublicAcls: true, blockPublicPolicy: true, ignorePublicAcls: true },
    },
  ],
  'no-lifecycle-deletion': [
    {
      name: 'ok-to-colder-storage',
      type: 'aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration',
      props: { rules: [{ transitions: [{ days: 30, storageClass: 'GLACIER' }] }] },
    },
    {
      name: 'fail-expiration',
      type: 'aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration',
      props: { rules: [{}, { noncurrentVersionExpiration: { noncurrentDays: 1 } }] },
    },
  ],
  'encrypted-bucket': [
    {
      name: 'ok-own-key',
      type: 'aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration',
      props: { rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: 'aws:kms', kmsMasterKeyId: 'k' } }] },
    },
    {
      name: 'fail-their-key',
      type: 'aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration',
      props: { rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: 'AES256' } }] },
    },
  ],
  tags: [
    machine({ tags: SANDBOX, volumeTags: SANDBOX }, 'ok-sandbox'),
    { name: 'ok-foundation', type: 'aws:ec2/vpc:Vpc', props: { tags: FOUNDATION } },
    machine({ tags: SANDBOX }, 'fail-a-volume-without'),
    group({ ...SANDBOX, 'burnbag:run': undefined }, {}, 'fail-no-run'),
    group({ ...SANDBOX, 'burnbag:role': 'pet' }, {}, 'fail-another-role'),
    { name: 'fail-none', type: 'aws:ec2/networkInterface:NetworkInterface', props: {} },
  ],
  'least-privilege': [
    {
      name: 'ok-by-name',
      type: 'aws:iam/rolePolicy:RolePolicy',
      props: { policy: '{"Statement":[{"Effect":"Allow","Action":["ec2:DescribeInstances"],"Resource":"*"}]}' },
    },
    {
      name: 'ok-deny-everything',
      type: 'aws:iam/rolePolicy:RolePolicy',
      props: { policy: '{"Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}' },
    },
    {
      name: 'fail-everything',
      type: 'aws:iam/policy:Policy',
      props: { policy: '{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}' },
    },
    {
      name: 'fail-all-of-a-service',
      type: 'aws:iam/rolePolicy:RolePolicy',
      props: { policy: '{"Statement":[{"Effect":"Allow","Action":["s3:GetObject","ec2:*"],"Resource":"*"}]}' },
    },
    {
      name: 'fail-everything-but',
      type: 'aws:iam/rolePolicy:RolePolicy',
      props: { policy: '{"Statement":[{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}]}' },
    },
  ],
};

/** One call of the AWS API, by the names its documentation has. */
export interface AwsCall {
  readonly service: 'ec2' | 'sts' | 'kms' | 'ebs' | 's3';
  /** `DescribeInstances`, … */
  readonly operation: string;
}

/** What a call needs. `null`: it needs none, everybody may ask who he is. */
export interface Permission {
  readonly action: string | null;
  readonly why: string;
}

/**
 * Every call this driver, its signers and its image commands make themselves, with the permission each needs. What Pulumi's provider calls
 * for the stack is not here: docs/aws.md lists both. A call without a row is a defect, which `permissionOf` says.
 */
export const PERMISSIONS: Readonly<Record<string, Permission>> = {
  'sts:GetCallerIdentity': { action: null, why: 'the account must be the configured one before anything is deleted' },
  'ec2:DescribeInstances': { action: 'ec2:DescribeInstances', why: 'is the machine there, by id and by tag' },
  'ec2:GetConsoleOutput': {
    action: 'ec2:GetConsoleOutput',
    why: "the guest's host key, over a channel its network does not have",
  },
  'ec2:TerminateInstances': {
    action: 'ec2:TerminateInstances',
    why: 'ends the machine, with the stack’s state or without',
  },
  'ec2:DescribeVolumes': { action: 'ec2:DescribeVolumes', why: 'is the disk gone, by id and by tag' },
  'ec2:DeleteVolume': { action: 'ec2:DeleteVolume', why: 'a disk that outlived its machine' },
  'ec2:DescribeNetworkInterfaces': { action: 'ec2:DescribeNetworkInterfaces', why: 'is the interface gone' },
  'ec2:DeleteNetworkInterface': {
    action: 'ec2:DeleteNetworkInterface',
    why: 'an interface made before a machine that never came',
  },
  'ec2:DescribeSecurityGroups': { action: 'ec2:DescribeSecurityGroups', why: 'is the group gone' },
  'ec2:DeleteSecurityGroup': { action: 'ec2:DeleteSecurityGroup', why: "the run's own group, last of its network" },
  'ec2:DescribeSnapshots': {
    action: 'ec2:DescribeSnapshots',
    why: 'nobody may have kept a copy of the disk; and the image’s own',
  },
  'ec2:DeleteSnapshot': {
    action: 'ec2:DeleteSnapshot',
    why: 'a copy of a run’s disk; the snapshot of a retired image',
  },
  'ec2:DescribeKeyPairs': {
    action: 'ec2:DescribeKeyPairs',
    why: 'no run has a key pair: one with its tag is somebody’s way in',
  },
  'ec2:DeleteKeyPair': { action: 'ec2:DeleteKeyPair', why: 'the same' },
  'ec2:DescribeAddresses': {
    action: 'ec2:DescribeAddresses',
    why: 'no run has a public address: one with its tag is a way out',
  },
  'ec2:ReleaseAddress': { action: 'ec2:ReleaseAddress', why: 'the same' },
  'ec2:DescribeImages': { action: 'ec2:DescribeImages', why: 'which image sandboxes start from, by its tags' },
  'ec2:RegisterImage': { action: 'ec2:RegisterImage', why: '`burnbag aws image publish`' },
  'ec2:DeregisterImage': { action: 'ec2:DeregisterImage', why: '`burnbag aws image retire`' },
  'ec2:CreateTags': { action: 'ec2:CreateTags', why: 'the tags of an image and its snapshot, at creation' },
  'ebs:StartSnapshot': {
    action: 'ebs:StartSnapshot',
    why: '`burnbag aws image publish`: no builder machine, block by block',
  },
  'ebs:PutSnapshotBlock': { action: 'ebs:PutSnapshotBlock', why: 'the same' },
  'ebs:CompleteSnapshot': { action: 'ebs:CompleteSnapshot', why: 'the same' },
  's3:ListObjectsV2': { action: 's3:ListBucket', why: 'which stacks are in `aws.state_url`, and what is left of one' },
  's3:HeadObject': { action: 's3:GetObject', why: 'is the stack’s state gone' },
  's3:DeleteObject': { action: 's3:DeleteObject', why: 'what is left of the state of a burnt run' },
  'kms:GetPublicKey': { action: 'kms:GetPublicKey', why: "the CA's and the evidence key's public halves" },
  'kms:Sign': { action: 'kms:Sign', why: 'certificates, evidence and receipts, by keys nobody can copy' },
};

/** The permission a call needs; undefined for a call that has no row. */
export function permissionOf({ service, operation }: AwsCall): Permission | undefined {
  return PERMISSIONS[`${service}:${operation}`];
}

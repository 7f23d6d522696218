import { orchestratorStatements, publisherStatements, readerStatements, reaperStatements } from './roles.ts';
import type { Place, Statement } from './statement.ts';

/**
 * The permission boundary of every role of ours: the most they could ever be given, should somebody attach more to them. Every action any of
 * them has today, and refusals that stay whatever is attached.
 */
export function boundaryStatements(place: Place): readonly Statement[] {
  const state = { bucket: '*', path: '*', region: place.region, keyArn: '*' };
  const anything = { bucket: '*', evidenceKeyArn: '*', caKeyArn: '*', evidenceSigningKeyArn: '*', state };
  const roles = [
    orchestratorStatements(place, anything),
    reaperStatements(place, anything),
    readerStatements(place, anything),
    publisherStatements(place),
  ];
  const actions = [...new Set(roles.flat().flatMap((statement) => statement.actions))].sort();
  return [
    {
      sid: 'NoMoreThanToday',
      why: 'what is not here cannot be added by a policy that somebody attaches later',
      effect: 'Allow',
      actions,
      resources: ['*'],
    },
    {
      sid: 'NeverThese',
      why: 'each would undo a promise: an identity or an address for a sandbox, a way out, a copy of its disk, evidence that goes',
      effect: 'Deny',
      actions: NEVER,
      resources: ['*'],
    },
  ];
}

const NEVER = [
  'ec2:AllocateAddress',
  'ec2:AssociateAddress',
  'ec2:AssociateIamInstanceProfile',
  'ec2:AttachInternetGateway',
  'ec2:AuthorizeSecurityGroupEgress',
  'ec2:CreateInternetGateway',
  'ec2:CreateNatGateway',
  'ec2:CreateSnapshot',
  'ec2:CreateSnapshots',
  'ec2:CreateVpcPeeringConnection',
  'ec2:ModifyInstanceAttribute',
  'ec2:ModifyInstanceMetadataOptions',
  'ec2:ReplaceIamInstanceProfileAssociation',
  'ec2:SendDiagnosticInterrupt',
  'iam:PassRole',
  's3:BypassGovernanceRetention',
];

/**
 * A service control policy for the account that sandboxes run in, attached by the organization: it binds the account's administrators too.
 * `admin` is the role that deploys the foundation, the only one that may change it.
 */
export function controlStatements(place: Place, admin: Admin): readonly Statement[] {
  return [...locked(place), ...guarded(place, admin), ...lasting(place, admin)];
}

interface Admin {
  /** ARN of the role that deploys the foundation. */
  readonly admin: string;
  readonly bucket: string;
}

/** Sandboxes, whoever launches them. */
function locked(place: Place): readonly Statement[] {
  const ours = withOurTag(place);
  return [
    {
      sid: 'SandboxesStayLocked',
      why: 'no identity, no metadata service and no other group for a machine that runs an unknown script',
      effect: 'Deny',
      actions: [
        'ec2:AssociateIamInstanceProfile',
        'ec2:ModifyInstanceAttribute',
        'ec2:ModifyInstanceMetadataOptions',
        'ec2:ModifyNetworkInterfaceAttribute',
        'ec2:ReplaceIamInstanceProfileAssociation',
      ],
      resources: ['*'],
      conditions: { StringEquals: { ...ours, 'aws:ResourceTag/burnbag:role': 'sandbox' } },
    },
    {
      sid: 'NoMetadataAtLaunch',
      why: 'also where somebody else than the orchestrator launches with our tags',
      effect: 'Deny',
      actions: ['ec2:RunInstances'],
      resources: ['arn:aws:ec2:*:*:instance/*'],
      conditions: {
        StringEquals: { 'aws:RequestTag/burnbag:role': 'sandbox' },
        StringNotEquals: { 'ec2:MetadataHttpEndpoint': 'disabled' },
      },
    },
  ];
}

/** The network and the tags. */
function guarded(place: Place, { admin }: Admin): readonly Statement[] {
  const ours = withOurTag(place);
  return [
    {
      sid: 'NoWayOut',
      why: 'the network of the sandboxes gets no gateway',
      effect: 'Deny',
      actions: ['ec2:AttachInternetGateway', 'ec2:CreateNatGateway', 'ec2:CreateRoute', 'ec2:ReplaceRoute'],
      resources: ['*'],
      conditions: { StringEquals: ours, ArnNotLike: { 'aws:PrincipalArn': admin } },
    },
    {
      sid: 'TagsStay',
      why: 'whoever can retag a thing can have it deleted, or keep it from being deleted',
      effect: 'Deny',
      actions: ['ec2:CreateTags', 'ec2:DeleteTags'],
      resources: ['*'],
      conditions: {
        StringEquals: ours,
        Null: { 'ec2:CreateAction': 'true' },
        ArnNotLike: { 'aws:PrincipalArn': admin },
      },
    },
  ];
}

/** What must still be there when somebody asks. */
function lasting(place: Place, { admin, bucket }: Admin): readonly Statement[] {
  const ours = withOurTag(place);
  return [
    {
      sid: 'EvidenceStays',
      why: 'the lock cannot be undone; what surrounds it could',
      effect: 'Deny',
      actions: [
        's3:BypassGovernanceRetention',
        's3:DeleteBucket',
        's3:DeleteBucketPolicy',
        's3:PutBucketObjectLockConfiguration',
        's3:PutBucketPolicy',
        's3:PutBucketVersioning',
        's3:PutEncryptionConfiguration',
        's3:PutLifecycleConfiguration',
      ],
      resources: [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`],
      conditions: { ArnNotLike: { 'aws:PrincipalArn': admin } },
    },
    {
      sid: 'WitnessStays',
      why: 'the trail and the keys outlive whoever would rather they did not',
      effect: 'Deny',
      actions: [
        'cloudtrail:DeleteTrail',
        'cloudtrail:PutEventSelectors',
        'cloudtrail:StopLogging',
        'cloudtrail:UpdateTrail',
      ],
      resources: ['*'],
      conditions: { ArnNotLike: { 'aws:PrincipalArn': admin } },
    },
    {
      sid: 'KeysStay',
      why: 'without its key the evidence cannot be read, and without the CA no sandbox can be entered',
      effect: 'Deny',
      actions: ['kms:DisableKey', 'kms:PutKeyPolicy', 'kms:ScheduleKeyDeletion'],
      resources: ['*'],
      conditions: { StringEquals: ours, ArnNotLike: { 'aws:PrincipalArn': admin } },
    },
  ];
}

function withOurTag({ installationId }: Place): Readonly<Record<string, string>> {
  return { 'aws:ResourceTag/burnbag:installation': installationId };
}

import { PROBE_PREFIX } from './buckets.ts';
import { ending, making, seeing } from './sandbox.ts';
import { keepingState, removingState, type StateMeans } from './state.ts';
import { all, carries, ec2Arns, isGiven, type Place, type Statement } from './statement.ts';

/** What the roles may use of the foundation. */
export interface Means {
  readonly bucket: string;
  readonly evidenceKeyArn: string;
  readonly caKeyArn: string;
  readonly evidenceSigningKeyArn: string;
  /** Absent where state is in the data directory. */
  readonly state?: StateMeans | undefined;
}

/** Makes sandboxes, runs in them, writes evidence and burns. It cannot delete evidence, nor give a sandbox anything it must not have. */
export function orchestratorStatements(place: Place, means: Means): readonly Statement[] {
  return [
    seeing(place),
    ...making(place),
    ending(place),
    signing(means),
    ...writing(means),
    ...decrypting(place, means),
    ...keepingState(means.state),
  ];
}

/** Finds and deletes what is left. It cannot make anything. */
export function reaperStatements(place: Place, { state }: Pick<Means, 'state'>): readonly Statement[] {
  return [seeing(place), ending(place), ...removingState(state)];
}

/** Reads evidence and looks at what there is. It changes nothing. */
export function readerStatements(place: Place, means: Means): readonly Statement[] {
  const { bucket, evidenceSigningKeyArn, caKeyArn } = means;
  return [
    seeing(place),
    {
      sid: 'ReadEvidence',
      why: 'bundles and receipts, by version',
      effect: 'Allow',
      actions: READING,
      resources: [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`],
    },
    {
      sid: 'ReadPublicKeys',
      why: 'what evidence is verified with',
      effect: 'Allow',
      actions: ['kms:DescribeKey', 'kms:GetPublicKey'],
      resources: [caKeyArn, evidenceSigningKeyArn],
    },
    {
      sid: 'ReadTrail',
      why: 'the third witness: what the control plane was asked',
      effect: 'Allow',
      actions: ['cloudtrail:LookupEvents'],
      resources: ['*'],
    },
    ...decrypting(place, means).slice(0, 1),
  ];
}

/** Publishes the sandbox image and retires it. It starts nothing. */
export function publisherStatements(place: Place): readonly Statement[] {
  const [image, snapshot] = [`arn:aws:ec2:${place.region}::image/*`, `arn:aws:ec2:${place.region}::snapshot/*`];
  return [
    seeing(place),
    {
      sid: 'MakeImage',
      why: 'a snapshot, block by block, and an image of it, tagged as they come into being',
      effect: 'Allow',
      actions: ['ebs:StartSnapshot', 'ec2:RegisterImage'],
      resources: [image, snapshot],
      conditions: isGiven(place, 'image'),
    },
    {
      sid: 'FillAndRetire',
      why: 'only what this installation published',
      effect: 'Allow',
      actions: [
        'ebs:CompleteSnapshot',
        'ebs:PutSnapshotBlock',
        'ec2:DeregisterImage',
        'ec2:DeleteSnapshot',
        'ec2:RegisterImage',
      ],
      resources: [image, snapshot],
      conditions: carries(place, 'image'),
    },
    {
      sid: 'TagImage',
      why: 'tags come with a thing and never later',
      effect: 'Allow',
      actions: ['ec2:CreateTags'],
      resources: [image, snapshot, ...ec2Arns(place, 'snapshot/*')],
      conditions: all(isGiven(place, 'image'), {
        StringEquals: { 'ec2:CreateAction': ['RegisterImage', 'StartSnapshot', 'CreateSnapshot'] },
      }),
    },
  ];
}

const READING = [
  's3:GetBucketObjectLockConfiguration',
  's3:GetBucketVersioning',
  's3:GetObject',
  's3:GetObjectRetention',
  's3:GetObjectVersion',
  's3:ListBucket',
  's3:ListBucketVersions',
];

function signing({ caKeyArn, evidenceSigningKeyArn }: Means): Statement {
  return {
    sid: 'Sign',
    why: 'certificates, evidence and receipts, by keys nobody can copy',
    effect: 'Allow',
    actions: ['kms:DescribeKey', 'kms:GetPublicKey', 'kms:Sign'],
    resources: [caKeyArn, evidenceSigningKeyArn],
  };
}

function writing({ bucket }: Means): readonly Statement[] {
  return [
    {
      sid: 'WriteEvidence',
      why: 'puts with a lock, reads back what it put; nothing deletes',
      effect: 'Allow',
      actions: [...READING, 's3:PutObject', 's3:PutObjectRetention'],
      resources: [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`],
    },
    {
      sid: 'ProbeTheLock',
      why: 'at the start it tries to break the lock of small objects of its own: what may not even be tried proves nothing',
      effect: 'Allow',
      actions: ['s3:DeleteObject', 's3:DeleteObjectVersion', 's3:GetObjectLegalHold', 's3:PutObjectLegalHold'],
      resources: [`arn:aws:s3:::${bucket}/${PROBE_PREFIX}*`],
    },
  ];
}

/** The key of the evidence, and only through the bucket. */
function decrypting({ region }: Place, { evidenceKeyArn }: Means): readonly Statement[] {
  const conditions = { StringEquals: { 'kms:ViaService': `s3.${region}.amazonaws.com` } };
  const shared = { effect: 'Allow', resources: [evidenceKeyArn], conditions } as const;
  return [
    { sid: 'DecryptEvidence', why: 'what is read from the bucket', actions: ['kms:Decrypt'], ...shared },
    { sid: 'EncryptEvidence', why: 'what is put into it', actions: ['kms:GenerateDataKey'], ...shared },
  ];
}

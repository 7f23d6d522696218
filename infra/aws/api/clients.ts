import { EBSClient } from '@aws-sdk/client-ebs';
import { EC2Client } from '@aws-sdk/client-ec2';
import { KMSClient } from '@aws-sdk/client-kms';
import { S3Client } from '@aws-sdk/client-s3';
import { STSClient } from '@aws-sdk/client-sts';
import type { AwsCall } from './permissions.ts';

/** How the AWS API is reached. Credentials come from the SDK's own chain (environment, profile, role) unless they are given. */
export interface AwsAccess {
  readonly region: string;
  /** Of something that plays AWS; absent for the real one. */
  readonly endpoint?: string;
  readonly credentials?: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
  /** Told of every call before it is made, once however often it is tried. */
  readonly onCall?: (call: AwsCall) => void;
  readonly limits?: Partial<CallLimits>;
}

/** What one call may take. None can be switched off. */
export interface CallLimits {
  readonly connectMs: number;
  /** From the request's last byte to the answer's last, of one attempt. */
  readonly requestMs: number;
  /** Attempts, pauses between them included, as the SDK's standard mode makes them: throttling and server errors are tried again. */
  readonly attempts: number;
}

/** EC2 answers within a second or two; ten seconds are a hung connection. Four attempts outlast a short throttle. */
export const CALL_LIMITS: CallLimits = { connectMs: 3_000, requestMs: 10_000, attempts: 4 };

/** One client per service, made with the same limits and the same recorder. */
export interface AwsClients {
  readonly ec2: EC2Client;
  readonly sts: STSClient;
  close(): void;
}

/** Opens the clients the driver needs. Nothing is sent yet. */
export function openClients(access: AwsAccess): AwsClients {
  const ec2 = recorded(new EC2Client(settingsOf(access)), 'ec2', access);
  const sts = recorded(new STSClient(settingsOf(access)), 'sts', access);
  return {
    ec2,
    sts,
    close: () => {
      ec2.destroy();
      sts.destroy();
    },
  };
}

/** Opens a client for asymmetric keys. */
export function openKms(access: AwsAccess): KMSClient {
  return recorded(new KMSClient(settingsOf(access)), 'kms', access);
}

/** Opens a client for the state of stacks. */
export function openS3(access: AwsAccess): S3Client {
  // Something that plays AWS has one name for all buckets.
  const forcePathStyle = access.endpoint !== undefined;
  return recorded(new S3Client({ ...settingsOf(access), forcePathStyle }), 's3', access);
}

/** Opens a client for the blocks of snapshots. */
export function openEbs(access: AwsAccess): EBSClient {
  return recorded(new EBSClient(settingsOf(access)), 'ebs', access);
}

function settingsOf({ region, endpoint, credentials, limits }: AwsAccess) {
  const { connectMs, requestMs, attempts } = { ...CALL_LIMITS, ...limits };
  return {
    region,
    maxAttempts: attempts,
    // Without throwOnRequestTimeout the SDK only warns of a late answer and waits on.
    requestHandler: { connectionTimeout: connectMs, requestTimeout: requestMs, throwOnRequestTimeout: true },
    ...(endpoint !== undefined && { endpoint }),
    ...(credentials !== undefined && { credentials }),
  };
}

/** What the recorder needs of a client: the SDK's own type of it names each client's own inputs and outputs. */
interface Recordable {
  readonly middlewareStack: {
    add(middleware: (next: Next, context: { commandName?: string }) => Next, options: { step: 'initialize' }): void;
  };
}
type Next = (args: never) => Promise<never>;

function recorded<C>(client: C, service: AwsCall['service'], { onCall }: AwsAccess): C {
  if (onCall === undefined) return client;
  (client as Recordable).middlewareStack.add(
    (next, { commandName = '' }) =>
      (args) => {
        onCall({ service, operation: commandName.replace(/Command$/, '') });
        return next(args);
      },
    { step: 'initialize' },
  );
  return client;
}

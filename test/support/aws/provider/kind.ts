import type { BudgetsClient } from '@aws-sdk/client-budgets';
import type { CloudTrailClient } from '@aws-sdk/client-cloudtrail';
import type { EC2Client } from '@aws-sdk/client-ec2';
import type { IAMClient } from '@aws-sdk/client-iam';
import type { KMSClient } from '@aws-sdk/client-kms';
import type { S3Client } from '@aws-sdk/client-s3';
import type { Created, Properties } from '../../../../infra/local/provider/resource.ts';

/** The clients a resource works with, all of one region and account. */
export interface Cloud {
  readonly ec2: EC2Client;
  readonly s3: S3Client;
  readonly kms: KMSClient;
  readonly iam: IAMClient;
  readonly cloudTrail: CloudTrailClient;
  readonly budgets: BudgetsClient;
  /** Policies by bucket; see buckets.ts for why they are not in the emulator. */
  readonly bucketPolicies: Map<string, string>;
  readonly region: string;
  readonly account: string;
}

/** Gives a thing exactly these tags, as each service has it done: what is no longer wanted goes first. */
export type Retag = (cloud: Cloud, id: string, tags: unknown) => Promise<void>;

/** One resource type of the provider: what it takes and how it is made, seen and deleted in the cloud. */
export interface Kind {
  /** Paths of the inputs it acts on, see taken.ts. Another one is refused, so that nothing a program asks for is dropped in silence. */
  readonly takes: readonly string[];
  /** Those of them whose change the real provider answers with a replacement. */
  readonly replaces?: readonly string[];
  readonly create: (cloud: Cloud, inputs: Properties) => Promise<Created>;
  /** The outputs as they are now; undefined when it is gone. */
  readonly read: (cloud: Cloud, id: string, state: Properties) => Promise<Properties | undefined>;
  /** The inputs whose change `update` acts on; a change of another one that replaces nothing is refused. */
  readonly updates?: readonly string[];
  /** Brings it to other inputs, and gives its outputs; those it does not name stay. */
  readonly update?: (cloud: Cloud, id: string, inputs: Properties) => Promise<Properties>;
  /** Gives it other tags; where it is absent, and `updates` does not name them, a change of tags is refused. */
  readonly retag?: Retag;
  /** Succeeds when nothing is left to delete. */
  readonly delete: (cloud: Cloud, id: string, state: Properties) => Promise<void>;
}

/** Kinds by type token. */
export type Kinds = Readonly<Record<string, Kind>>;

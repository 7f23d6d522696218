/** One statement of a policy document, with the reason it is there; the reason is ours and is not sent. */
export interface Statement {
  readonly sid: string;
  readonly why: string;
  readonly effect: 'Allow' | 'Deny';
  readonly actions: readonly string[];
  /** None in a trust policy, which has no resource. */
  readonly resources: readonly string[];
  /** The resources are all but these. */
  readonly inverted?: true;
  /** Left out in documents that are attached to somebody. */
  readonly principal?: Principal;
  readonly conditions?: Conditions;
}

export type Principal = '*' | { readonly AWS: string | readonly string[] } | { readonly Service: string };

/** Operator → key → value. */
export type Conditions = Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;

/** A document as IAM takes it. */
export function document(statements: readonly Statement[]): string {
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: statements.map(({ sid, effect, actions, resources, inverted, principal, conditions }) => ({
      Sid: sid,
      Effect: effect,
      ...(principal !== undefined && { Principal: principal }),
      Action: actions,
      ...(resources.length > 0 && { [inverted === true ? 'NotResource' : 'Resource']: resources }),
      ...(conditions !== undefined && { Condition: conditions }),
    })),
  });
}

/** Where the documents apply. */
export interface Place {
  readonly accountId: string;
  readonly region: string;
  readonly installationId: string;
}

/** `arn:aws:ec2:REGION:ACCOUNT:NAME`, for each name. */
export function ec2Arns({ region, accountId }: Place, ...names: readonly string[]): readonly string[] {
  return names.map((name) => `arn:aws:ec2:${region}:${accountId}:${name}`);
}

/** It carries these tags already. */
export function carries({ installationId }: Place, role: string): Conditions {
  return {
    StringEquals: {
      'aws:ResourceTag/burnbag:installation': installationId,
      'aws:ResourceTag/burnbag:role': role,
    },
  };
}

/** It gets these tags with the very request that makes it. */
export function isGiven({ installationId }: Place, role: string): Conditions {
  return {
    StringEquals: {
      'aws:RequestTag/burnbag:installation': installationId,
      'aws:RequestTag/burnbag:role': role,
    },
  };
}

/** Several conditions, all of which must hold. */
export function all(...conditions: readonly Conditions[]): Conditions {
  const merged: Record<string, Record<string, string | readonly string[]>> = {};
  for (const condition of conditions)
    for (const [operator, keys] of Object.entries(condition)) merged[operator] = { ...merged[operator], ...keys };
  return merged;
}

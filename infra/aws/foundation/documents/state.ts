import type { StatePlace } from '../../state-url.ts';
import type { Statement } from './statement.ts';

/** Where the state of runs' stacks is kept, and the key of that bucket, where it has one of its own. */
export interface StateMeans extends StatePlace {
  readonly keyArn: string | undefined;
}

/** What the `pulumi` binary does with state: below one installation's path, and nowhere else. */
export function keepingState(state: StateMeans | undefined): readonly Statement[] {
  if (state === undefined) return [];
  return [
    lookingForState(state),
    {
      sid: 'KeepState',
      why: 'the state of runs’ stacks, their locks and history',
      effect: 'Allow',
      actions: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'],
      resources: [objectsOf(state)],
    },
    ...throughItsKey(state),
  ];
}

/** What the reaper does with it: the burn needs no state, it only sees to it that none is left. */
export function removingState(state: StateMeans | undefined): readonly Statement[] {
  if (state === undefined) return [];
  return [
    lookingForState(state),
    {
      sid: 'RemoveState',
      why: 'is the state of a burnt run gone; and what is left of it',
      effect: 'Allow',
      actions: ['s3:GetObject', 's3:DeleteObject'],
      resources: [objectsOf(state)],
    },
  ];
}

/**
 * A question for one object names no prefix, and S3 answers "not found" only to whom may list: so a question without one is allowed, and with
 * it the names in the whole bucket. A bucket that holds nothing but state tells nothing else.
 */
function lookingForState({ bucket, path }: StateMeans): Statement {
  return {
    sid: 'LookForState',
    why: 'which stacks there are; and "not found" instead of "denied"',
    effect: 'Allow',
    actions: ['s3:ListBucket'],
    resources: [`arn:aws:s3:::${bucket}`],
    conditions: { StringLikeIfExists: { 's3:prefix': `${path}/*` } },
  };
}

function throughItsKey({ region, keyArn }: StateMeans): readonly Statement[] {
  if (keyArn === undefined) return [];
  return [
    {
      sid: 'UseStateKey',
      why: 'the bucket’s own key, and only through the bucket',
      effect: 'Allow',
      actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
      resources: [keyArn],
      conditions: { StringEquals: { 'kms:ViaService': `s3.${region}.amazonaws.com` } },
    },
  ];
}

function objectsOf({ bucket, path }: StateMeans): string {
  return `arn:aws:s3:::${bucket}/${path}/*`;
}

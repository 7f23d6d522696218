import { z } from 'zod';

/** Where the `pulumi` binary keeps stacks in S3, as `aws.state_url` and the foundation's `state` have it; below it each installation has a path. */
export const StateUrl = z
  .string()
  .regex(
    /^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/[A-Za-z0-9._-]+)*\/?(\?region=[a-z0-9-]+)?$/,
    'expected s3://BUCKET/PATH?region=REGION',
  );

/** The URL of one installation's state: two below one path would take each other's stacks for their own. */
export function stateUrlOf(configured: string, installationId: string): string {
  const url = new URL(configured);
  const path = url.pathname.split('/').filter((part) => part !== '');
  return `s3://${url.hostname}/${[...path, installationId].join('/')}${url.search}`;
}

/** Where in S3 that is. */
export interface StatePlace {
  readonly bucket: string;
  /** What every key begins with, without the slash at its end. */
  readonly path: string;
  readonly region: string;
}

/** The place that an installation's URL means, in this region where it names none. */
export function statePlaceOf(url: string, region: string): StatePlace {
  const { hostname: bucket, pathname, searchParams } = new URL(url);
  return { bucket, path: pathname.slice(1), region: searchParams.get('region') ?? region };
}

import { budgets, cloudtrail } from '@pulumi/aws';
import type * as pulumi from '@pulumi/pulumi';
import { foundationTags } from '../tags.ts';
import { trailBucketStatements } from './documents/buckets.ts';
import { document } from './documents/statement.ts';
import { lockedBucket } from './evidence.ts';
import type { FoundationInputs } from './inputs.ts';
import { bucketNames } from './names.ts';

/** The third witness: every call to the account's control plane, and every one on an object of the evidence bucket, in a locked bucket of its own. */
export function makeTrail(inputs: FoundationInputs, options: pulumi.CustomResourceOptions): cloudtrail.Trail {
  const { evidence, trail: bucketName } = bucketNames(inputs);
  const name = `burnbag-${inputs.installationId}`;
  const policy = document(trailBucketStatements(bucketName, name, inputs));
  const { bucket, policy: allowed } = lockedBucket('trail', bucketName, { inputs, policy }, options);
  const is = (field: string, ...values: string[]) => ({ field, equals: values });
  return new cloudtrail.Trail(
    'trail',
    {
      name,
      s3BucketName: bucket.bucket,
      enableLogging: true,
      enableLogFileValidation: true,
      includeGlobalServiceEvents: true,
      isMultiRegionTrail: true,
      advancedEventSelectors: [
        { name: 'the control plane', fieldSelectors: [is('eventCategory', 'Management')] },
        {
          name: 'the evidence',
          fieldSelectors: [
            is('eventCategory', 'Data'),
            is('resources.type', 'AWS::S3::Object'),
            { field: 'resources.ARN', startsWiths: [`arn:aws:s3:::${evidence}/`] },
          ],
        },
      ],
      tags: foundationTags(inputs.installationId, 'trail'),
    },
    // CloudTrail refuses a bucket it may not write to.
    { ...options, dependsOn: [allowed] },
  );
}

/** Tells by mail when the month gets dear; it stops nothing. Counts what carries our tag, once the tag is activated for costs. */
export function makeBudget(inputs: FoundationInputs, options: pulumi.CustomResourceOptions): void {
  if (inputs.budget === undefined) return;
  const { limitUsd, email } = inputs.budget;
  const notice = (notificationType: string, threshold: number) => ({
    comparisonOperator: 'GREATER_THAN',
    notificationType,
    threshold,
    thresholdType: 'PERCENTAGE',
    subscriberEmailAddresses: [email],
  });
  new budgets.Budget(
    'budget',
    {
      name: `burnbag-${inputs.installationId}`,
      budgetType: 'COST',
      timeUnit: 'MONTHLY',
      limitAmount: String(limitUsd),
      limitUnit: 'USD',
      costFilters: [{ name: 'TagKeyValue', values: [`user:burnbag:installation$${inputs.installationId}`] }],
      notifications: [notice('ACTUAL', 80), notice('FORECASTED', 100)],
    },
    options,
  );
}

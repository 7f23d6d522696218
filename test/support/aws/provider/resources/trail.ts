import {
  type CloudTrailClient,
  CreateTrailCommand,
  DeleteTrailCommand,
  GetTrailCommand,
  PutEventSelectorsCommand,
  StartLoggingCommand,
  StopLoggingCommand,
  UpdateTrailCommand,
} from '@aws-sdk/client-cloudtrail';
import type { Properties } from '../../../../../infra/local/provider/resource.ts';
import { call, unlessGone } from '../failure.ts';
import { flag, list, text, texts } from '../inputs.ts';
import type { Kind } from '../kind.ts';
import { retagTrail } from '../retag.ts';
import { tagList } from '../tags.ts';

/** `aws:cloudtrail/trail:Trail`. */
export const trail: Kind = {
  takes: [
    ...['name', 's3BucketName', 'enableLogging', 'enableLogFileValidation', 'includeGlobalServiceEvents'],
    ...['isMultiRegionTrail', 'advancedEventSelectors.name', 'advancedEventSelectors.fieldSelectors.field', 'tags.*'],
    ...['advancedEventSelectors.fieldSelectors.equals', 'advancedEventSelectors.fieldSelectors.startsWiths'],
  ],
  replaces: ['name'],
  create: async ({ cloudTrail, bucketPolicies }, inputs) => {
    if (bucketPolicies.get(text(inputs, 's3BucketName'))?.includes('cloudtrail.amazonaws.com') !== true)
      throw new Error(
        'creating CloudTrail Trail: api error InsufficientS3BucketPolicyException: Incorrect S3 bucket policy',
      );
    const request = new CreateTrailCommand({ ...settingsOf(inputs), TagsList: tagList(inputs['tags']) });
    const made = await call('creating CloudTrail Trail', 'CloudTrail', 'CreateTrail', () => cloudTrail.send(request));
    await record(cloudTrail, inputs);
    await select(cloudTrail, inputs);
    return { id: made.TrailARN ?? '', outputs: { ...inputs, arn: made.TrailARN ?? '' } };
  },
  updates: [
    ...['s3BucketName', 'enableLogging', 'enableLogFileValidation', 'includeGlobalServiceEvents'],
    ...['isMultiRegionTrail', 'advancedEventSelectors'],
  ],
  update: async ({ cloudTrail }, _id, inputs) => {
    const request = new UpdateTrailCommand(settingsOf(inputs));
    await call('updating CloudTrail Trail', 'CloudTrail', 'UpdateTrail', () => cloudTrail.send(request));
    await record(cloudTrail, inputs);
    await select(cloudTrail, inputs);
    return inputs;
  },
  retag: retagTrail,
  read: async ({ cloudTrail }, id, state) =>
    (await unlessGone(cloudTrail.send(new GetTrailCommand({ Name: id })))) === undefined ? undefined : state,
  delete: async ({ cloudTrail }, id) => {
    await unlessGone(
      call('deleting CloudTrail Trail', 'CloudTrail', 'DeleteTrail', () =>
        cloudTrail.send(new DeleteTrailCommand({ Name: id })),
      ),
    );
  },
};

function settingsOf(inputs: Properties) {
  return {
    Name: text(inputs, 'name'),
    S3BucketName: text(inputs, 's3BucketName'),
    EnableLogFileValidation: flag(inputs, 'enableLogFileValidation'),
    IncludeGlobalServiceEvents: flag(inputs, 'includeGlobalServiceEvents'),
    IsMultiRegionTrail: flag(inputs, 'isMultiRegionTrail'),
  };
}

async function record(cloudTrail: CloudTrailClient, inputs: Properties): Promise<void> {
  const Name = text(inputs, 'name');
  const isWanted = flag(inputs, 'enableLogging') !== false;
  await call('setting CloudTrail Trail', 'CloudTrail', isWanted ? 'StartLogging' : 'StopLogging', () =>
    cloudTrail.send(isWanted ? new StartLoggingCommand({ Name }) : new StopLoggingCommand({ Name })),
  );
}

async function select(cloudTrail: CloudTrailClient, inputs: Properties): Promise<void> {
  const AdvancedEventSelectors = list(inputs, 'advancedEventSelectors').map((selector) => ({
    Name: text(selector, 'name'),
    FieldSelectors: list(selector, 'fieldSelectors').map((field) => ({
      Field: text(field, 'field'),
      ...(field['equals'] !== undefined && { Equals: texts(field, 'equals') }),
      ...(field['startsWiths'] !== undefined && { StartsWith: texts(field, 'startsWiths') }),
    })),
  }));
  const request = new PutEventSelectorsCommand({ TrailName: text(inputs, 'name'), AdvancedEventSelectors });
  await call('setting CloudTrail Trail', 'CloudTrail', 'PutEventSelectors', () => cloudTrail.send(request));
}

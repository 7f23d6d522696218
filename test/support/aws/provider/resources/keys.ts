import {
  CreateAliasCommand,
  CreateKeyCommand,
  DeleteAliasCommand,
  DescribeKeyCommand,
  DisableKeyRotationCommand,
  EnableKeyRotationCommand,
  KeySpec,
  type KMSClient,
  PutKeyPolicyCommand,
  ScheduleKeyDeletionCommand,
  UpdateAliasCommand,
  UpdateKeyDescriptionCommand,
} from '@aws-sdk/client-kms';
import { call, unlessGone } from '../failure.ts';
import { count, flag, optionalText, text } from '../inputs.ts';
import type { Properties } from '../../../../../infra/local/provider/resource.ts';
import type { Kind } from '../kind.ts';
import { retagKey } from '../retag.ts';

/** `aws:kms/key:Key`. */
export const key: Kind = {
  takes: [
    ...['description', 'keyUsage', 'customerMasterKeySpec', 'enableKeyRotation', 'deletionWindowInDays'],
    ...['policy', 'tags.*'],
  ],
  replaces: ['keyUsage', 'customerMasterKeySpec'],
  // How long a deletion may be taken back is asked when it is deleted.
  updates: ['policy', 'description', 'enableKeyRotation', 'deletionWindowInDays'],
  update: async ({ kms }, KeyId, inputs) => {
    const request = new PutKeyPolicyCommand({ KeyId, PolicyName: 'default', Policy: text(inputs, 'policy') });
    await call('updating KMS Key policy', 'KMS', 'PutKeyPolicy', () => kms.send(request));
    const described = new UpdateKeyDescriptionCommand({ KeyId, Description: text(inputs, 'description') });
    await call('updating KMS Key description', 'KMS', 'UpdateKeyDescription', () => kms.send(described));
    if (optionalText(inputs, 'keyUsage') !== 'SIGN_VERIFY') await rotate(kms, KeyId, inputs);
    return inputs;
  },
  retag: retagKey,
  create: async ({ kms }, inputs) => {
    const spec = optionalText(inputs, 'customerMasterKeySpec') ?? 'SYMMETRIC_DEFAULT';
    const known = Object.values(KeySpec).find((candidate) => candidate === spec);
    const tags = Object.entries((inputs['tags'] ?? {}) as Record<string, string>);
    const request = new CreateKeyCommand({
      Description: text(inputs, 'description'),
      KeySpec: known,
      KeyUsage: optionalText(inputs, 'keyUsage') === 'SIGN_VERIFY' ? 'SIGN_VERIFY' : 'ENCRYPT_DECRYPT',
      Policy: text(inputs, 'policy'),
      Tags: tags.map(([TagKey, TagValue]) => ({ TagKey, TagValue })),
    });
    const { KeyMetadata: made } = await call('creating KMS Key', 'KMS', 'CreateKey', () => kms.send(request));
    const keyId = made?.KeyId ?? '';
    if (flag(inputs, 'enableKeyRotation') === true) await rotate(kms, keyId, inputs);
    return { id: keyId, outputs: { ...inputs, keyId, arn: made?.Arn ?? '' } };
  },
  read: async ({ kms }, id, state) => {
    const found = await unlessGone(kms.send(new DescribeKeyCommand({ KeyId: id })));
    return found?.KeyMetadata?.KeyState === 'PendingDeletion' ? undefined : state;
  },
  delete: async ({ kms }, id, state) => {
    const request = { KeyId: id, PendingWindowInDays: count(state, 'deletionWindowInDays') };
    await unlessGone(
      call('deleting KMS Key', 'KMS', 'ScheduleKeyDeletion', () => kms.send(new ScheduleKeyDeletionCommand(request))),
    );
  },
};

async function rotate(kms: KMSClient, KeyId: string, inputs: Properties): Promise<void> {
  const wanted = flag(inputs, 'enableKeyRotation') === true;
  await call('updating KMS Key rotation', 'KMS', wanted ? 'EnableKeyRotation' : 'DisableKeyRotation', () =>
    kms.send(wanted ? new EnableKeyRotationCommand({ KeyId }) : new DisableKeyRotationCommand({ KeyId })),
  );
}

/** `aws:kms/alias:Alias`. */
export const alias: Kind = {
  takes: ['name', 'targetKeyId'],
  replaces: ['name'],
  create: async ({ kms }, inputs) => {
    const request = { AliasName: text(inputs, 'name'), TargetKeyId: text(inputs, 'targetKeyId') };
    await call('creating KMS Alias', 'KMS', 'CreateAlias', () => kms.send(new CreateAliasCommand(request)));
    return { id: text(inputs, 'name'), outputs: inputs };
  },
  updates: ['targetKeyId'],
  update: async ({ kms }, AliasName, inputs) => {
    const request = new UpdateAliasCommand({ AliasName, TargetKeyId: text(inputs, 'targetKeyId') });
    await call('updating KMS Alias', 'KMS', 'UpdateAlias', () => kms.send(request));
    return inputs;
  },
  read: (_cloud, _id, state) => Promise.resolve(state),
  delete: async ({ kms }, id) => {
    await unlessGone(
      call('deleting KMS Alias', 'KMS', 'DeleteAlias', () => kms.send(new DeleteAliasCommand({ AliasName: id }))),
    );
  },
};

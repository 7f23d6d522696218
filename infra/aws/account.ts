import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { DriverError } from '../error.ts';
import type { AwsClients } from './api/clients.ts';
import { translateAws } from './api/errors.ts';
import type { Seen } from './inventory/kind.ts';
import type { AwsDriverOptions } from './options.ts';
import { ROLES, TAGS } from './tags.ts';

/** Rejects unless the credentials are the configured account's. Asked once; a failure is asked again. */
export function accountCheck(
  { sts }: Pick<AwsClients, 'sts'>,
  { accountId }: Pick<AwsDriverOptions, 'accountId'>,
): () => Promise<void> {
  let checking: Promise<void> | undefined;
  const check = async (): Promise<void> => {
    const { Account } = await sts.send(new GetCallerIdentityCommand({})).catch((error: unknown) => {
      throw translateAws(error, 'to learn whose credentials these are');
    });
    if (Account !== accountId) throw wrongAccount(accountId, Account ?? 'none');
  };
  return () =>
    (checking ??= check().catch((error: unknown) => {
      checking = undefined;
      throw error;
    }));
}

/**
 * Throws unless everything says that this thing is the run's: account, installation, role and run. Tags can be changed by whoever may, so
 * this keeps us from deleting what is not ours; it proves nothing to others.
 */
export function refuseForeign({ accountId, installationId }: AwsDriverOptions, runId: string, seen: Seen): void {
  const expected = [accountId, installationId, ROLES.sandbox, runId].join(' ');
  const { tags } = seen;
  const got = [seen.account ?? accountId, tags[TAGS.installation], tags[TAGS.role], tags[TAGS.run]].join(' ');
  if (got === expected) return;
  throw new DriverError('not_ours', {
    expected: `${seen.id} to carry account, installation, role and run ${expected}`,
    got,
    hint: 'it was left untouched: whoever tagged it, or wrote it into the manifest, was not this run',
  });
}

function wrongAccount(expected: string, got: string): DriverError {
  return new DriverError('wrong_account', {
    expected: `credentials of account ${expected}`,
    got: `those of ${got}`,
    hint: 'nothing was made or deleted: choose the right profile, or mend aws.account_id',
  });
}

import {
  orchestratorStatements,
  publisherStatements,
  readerStatements,
  reaperStatements,
} from '../../../infra/aws/foundation/documents/roles.ts';
import { document, type Place } from '../../../infra/aws/foundation/documents/statement.ts';
import type { AskedOf } from './evaluate.ts';

/** Where the documents of a test apply. */
export const PLACE: Place = { accountId: '123456789012', region: 'eu-central-1', installationId: 'one' };
/** What its roles may use. */
export const MEANS = {
  bucket: 'evidence',
  evidenceKeyArn: 'arn:aws:kms:eu-central-1:123456789012:key/e',
  caKeyArn: 'arn:aws:kms:eu-central-1:123456789012:key/c',
  evidenceSigningKeyArn: 'arn:aws:kms:eu-central-1:123456789012:key/s',
  state: {
    ...{ bucket: 'pulumi-state', path: 'team/one', region: 'eu-central-1' },
    keyArn: 'arn:aws:kms:eu-central-1:123456789012:key/t',
  },
};
/** The documents of the roles, as IAM takes them. */
export const ORCHESTRATOR = document(orchestratorStatements(PLACE, MEANS));
export const REAPER = document(reaperStatements(PLACE, MEANS));
export const READER = document(readerStatements(PLACE, MEANS));
export const PUBLISHER = document(publisherStatements(PLACE));

/** Of something of EC2 in this account. */
export const arn = (name: string) => `arn:aws:ec2:eu-central-1:123456789012:${name}`;
/** The context of a request on something that carries our tags. */
export const carrying = (role: string, installation = 'one') => ({
  'aws:ResourceTag/burnbag:installation': installation,
  'aws:ResourceTag/burnbag:role': role,
});
/** The context of a request that gives our tags. */
export const given = (role: string, installation = 'one') => ({
  'aws:RequestTag/burnbag:installation': installation,
  'aws:RequestTag/burnbag:role': role,
});
/** The launch of a locked-down machine. */
export const LAUNCH: AskedOf = {
  action: 'ec2:RunInstances',
  resource: arn('instance/*'),
  context: { ...given('sandbox'), 'aws:RequestTag/burnbag:run': 'r', 'ec2:MetadataHttpEndpoint': 'disabled' },
};

/** Every action a document names. */
export function actionsOf(text: string): string[] {
  const { Statement: statements } = JSON.parse(text) as {
    readonly Statement: readonly { readonly Action: string[] }[];
  };
  return statements.flatMap(({ Action }) => Action);
}

import { iam } from '@pulumi/aws';
import type * as pulumi from '@pulumi/pulumi';
import { foundationTags } from '../tags.ts';
import { trustStatements } from './documents/keys.ts';
import { boundaryStatements } from './documents/limits.ts';
import {
  type Means,
  orchestratorStatements,
  publisherStatements,
  readerStatements,
  reaperStatements,
} from './documents/roles.ts';
import { document, type Statement } from './documents/statement.ts';
import type { FoundationInputs } from './inputs.ts';

export type RoleName = 'orchestrator' | 'reaper' | 'reader' | 'publisher';
export type Roles = Readonly<Record<RoleName, iam.Role>>;

/** As long as a session may last: longer than the longest run, no working day. */
const SESSION_SECONDS = 3 * 3_600;

/** The roles, still without permissions and under their boundary: the signing keys name one of them. */
export function makeRoles(inputs: FoundationInputs, options: pulumi.CustomResourceOptions): Roles {
  const boundary = new iam.Policy(
    'boundary',
    {
      name: `burnbag-${inputs.installationId}-boundary`,
      description: 'Burnbag: the most a role of this installation may ever do',
      policy: document(boundaryStatements(inputs)),
      tags: foundationTags(inputs.installationId, 'boundary'),
    },
    options,
  );
  const role = (name: RoleName): iam.Role =>
    new iam.Role(
      name,
      {
        name: `burnbag-${inputs.installationId}-${name}`,
        assumeRolePolicy: document(trustStatements(inputs, inputs.trustedPrincipals)),
        permissionsBoundary: boundary.arn,
        maxSessionDuration: SESSION_SECONDS,
        tags: foundationTags(inputs.installationId, name),
      },
      options,
    );
  return {
    orchestrator: role('orchestrator'),
    reaper: role('reaper'),
    reader: role('reader'),
    publisher: role('publisher'),
  };
}

/** What each may do, see documents/roles.ts. */
export function grantRoles(
  inputs: FoundationInputs,
  roles: Roles,
  means: pulumi.Output<Means>,
  options: pulumi.CustomResourceOptions,
): void {
  const grants: Readonly<Record<RoleName, (means: Means) => readonly Statement[]>> = {
    orchestrator: (known) => orchestratorStatements(inputs, known),
    reaper: (known) => reaperStatements(inputs, known),
    reader: (known) => readerStatements(inputs, known),
    publisher: () => publisherStatements(inputs),
  };
  for (const [name, statements] of Object.entries(grants)) {
    const role = roles[name as RoleName];
    const policy = means.apply((known) => document(statements(known)));
    new iam.RolePolicy(name, { name: 'burnbag', role: role.name, policy }, options);
  }
}

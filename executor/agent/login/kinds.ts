import { GRANT_EXTENSION } from '../../protocol/grant.ts';
import { TUNNEL_EXTENSION } from '../../protocol/tunnel.ts';

/** The kinds of login there are here: whom each names as principal, and which sets of extensions it may carry. Everything else is refused. */
export const LOGIN_KINDS = {
  task: {
    principalPrefix: 'sandbox-',
    extensions: [[GRANT_EXTENSION], [GRANT_EXTENSION, TUNNEL_EXTENSION]],
    why: 'actions under a grant; sshd forwards only where the grant names tunnels',
  },
  revoke: {
    principalPrefix: 'revoke-',
    extensions: [[]],
    why: 'tells sshd which certificates may not log in any more, and can do nothing else',
  },
} as const satisfies Record<string, KindRow>;

export type LoginKind = keyof typeof LOGIN_KINDS;

interface KindRow {
  readonly principalPrefix: string;
  readonly extensions: readonly (readonly string[])[];
  readonly why: string;
}

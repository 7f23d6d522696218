import { GRANT_EXTENSION, TUNNEL_EXTENSION } from '../../executor/protocol/index.ts';

/** Lives a certificate may have. Ten minutes fit most tasks; nothing that needs more than an hour is one task. */
export const TTL_DEFAULT_SECONDS = 600;
const TTL_MAX_SECONDS = 3_600;

/** Seconds a sandbox lives beyond its grant: booting before it, collecting after it. Then it powers itself off. */
export const COLLECTING_SECONDS = 300;

/** The kinds of certificate there are: what each may log in as, what it forces and what it carries. Everything else is refused. */
export const CERTIFICATE_KINDS = {
  task: {
    principalPrefix: 'sandbox-',
    forceCommand: '/usr/local/bin/agent-exec',
    extensions: [GRANT_EXTENSION],
    withTunnels: [GRANT_EXTENSION, TUNNEL_EXTENSION],
    ttlMaxSeconds: TTL_MAX_SECONDS,
    why: 'the one login of a run: the executor reads the grant from the extension; no permit-* means no terminal and no forwarding, but where the grant names tunnels',
  },
  audit: {
    principalPrefix: 'audit-',
    forceCommand: '/usr/local/bin/audit-stream',
    extensions: [],
    withTunnels: [],
    ttlMaxSeconds: TTL_MAX_SECONDS + COLLECTING_SECONDS,
    why: 'copies logs out and can do nothing else, so it carries no grant; until a run is collected, which is after its grant',
  },
  revoke: {
    principalPrefix: 'revoke-',
    forceCommand: '/usr/local/bin/agent-exec',
    extensions: [],
    withTunnels: [],
    ttlMaxSeconds: TTL_MAX_SECONDS,
    why: "tells the sandbox's sshd which serials may not log in any more; the executor does nothing else for it, and no caller gets one",
  },
} as const satisfies Record<string, KindRow>;

export type CertificateKind = keyof typeof CERTIFICATE_KINDS;

interface KindRow {
  readonly principalPrefix: string;
  readonly forceCommand: string;
  readonly extensions: readonly string[];
  /** The same where the grant names tunnels. */
  readonly withTunnels: readonly string[];
  readonly ttlMaxSeconds: number;
  readonly why: string;
}

/** How far back a certificate's life starts: two clocks that keep time differ by less, and a longer past buys nothing. */
export const BACKDATE_SECONDS = 30;

/** Shorter than a handshake with an emulated guest can take, so it could only fail. */
export const TTL_MIN_SECONDS = 10;

/** Bytes of the nonce: as many as ssh-keygen takes. */
export const NONCE_BYTES = 32;

/** Longest key id: sshd writes it into its log on every login. */
export const KEY_ID_MAX_CHARS = 256;

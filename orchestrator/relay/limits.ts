import type { ConnectConfig } from 'ssh2';

/** Waits of the relay, in milliseconds. Every one can be given; none can be switched off. */
export interface Deadlines {
  /** Until the TCP connection stands. */
  readonly connectMs: number;
  /** From then until the executor's channel is open: key exchange, login, exec. */
  readonly handshakeMs: number;
  /** From end of input until the executor has gone. */
  readonly closeMs: number;
  /** How long the other end of a network may say nothing, though it is asked, before it is taken for gone. A unix socket closes by itself. */
  readonly silentMs: number;
  /** Until sshd has opened a tunnel: a local program answers at once, and sshd connects on loopback. */
  readonly tunnelMs: number;
}

/**
 * A local connection takes a millisecond, a handshake with an emulated guest a second; sshd itself gives up after its LoginGraceTime of 20 s, and on
 * a relay that is silent after a minute (ClientAliveInterval, ClientAliveCountMax).
 */
export const DEADLINES: Deadlines = {
  connectMs: 5_000,
  handshakeMs: 20_000,
  closeMs: 5_000,
  silentMs: 60_000,
  tunnelMs: 10_000,
};

/** How often it is asked in that time. */
export const ASKED_WHEN_SILENT = 2;

/** Bytes of the executor's stderr that are kept for messages: it says one line there when it dies. */
export const STDERR_KEPT_BYTES = 16 * 1024;

/** Bytes of stderr after which the executor is taken for broken: it answers on stdout. */
export const STDERR_MAX_BYTES = 1024 * 1024;

/** Bytes of one fetched log: twice what auditd keeps (images/guest/etc/audit/auditd.conf), turned-over file included. */
export const LOG_MAX_BYTES = 16 * 1024 * 1024;

/** Bytes of one log that is copied out all along: twice what evidence keeps of it, so that a flood shows there, and no guest fills this host. */
export const LOG_STREAM_MAX_BYTES = 256 * 1024 * 1024;

/** What fetching a log may take once the channel is open: an emulated guest sends some megabytes a second. */
export const FETCH_MS = 20_000;

/** Bytes on the wire before the channel is open. A real handshake takes 5 kB; the rest is room for a banner. */
export const HANDSHAKE_MAX_BYTES = 256 * 1024;

/** Bytes on the wire beside the output that is wanted: keep-alives, window updates, what SSH adds to small packets. */
export const OVERHEAD_MAX_BYTES = 256 * 1024;

/** Modern algorithms only, the same list as the sandbox's sshd_config. `hmac` is never used: the cipher brings its own. */
export const ALGORITHMS: NonNullable<ConnectConfig['algorithms']> = {
  kex: ['curve25519-sha256'],
  serverHostKey: ['ssh-ed25519'],
  cipher: ['aes128-gcm@openssh.com'],
  hmac: ['hmac-sha2-256-etm@openssh.com'],
  compress: ['none'],
};

/** Bytes that a tunnel may have on the way before somebody reads them: ssh2 keeps up to 2 MiB, and may have opened another window of 2 MiB just before. */
export const TUNNEL_WINDOW_BYTES = 4 * 1024 * 1024;

/** Connections through one session at once: a database client opens a handful, and each may cost a window of memory. */
export const TUNNELS_OPEN_MAX = 16;

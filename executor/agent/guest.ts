/** Where the executor finds the machine it runs in. Tests give their own; nothing of it comes from the environment. */
export interface Guest {
  /** Where the paths of requests begin. */
  readonly root: string;
  /** The kernel's command line: where the control plane speaks to the machine. */
  readonly commandLineFile: string;
  /** OpenSSH public key line of the CA. */
  readonly caFile: string;
  readonly machineIdFile: string;
  /** Which certificates may not log in again: a file per serial in `serials/`, and `krl`, which sshd reads at every login. */
  readonly revokedFolder: string;
  /** The certificate of each connection, noted when it logs in: a file named after sshd's process for it. */
  readonly loginsFolder: string;
  /** Where audit records go: the port that leaves the machine, or the file where there is no port. */
  readonly auditPort: string;
  readonly auditFile: string;
  /** Where the root half listens, how long it may take until it does, and its own folder. */
  readonly spawnerSocket: string;
  readonly spawnerStartMs: number;
  readonly spawnerFolder: string;
  /** A cgroup v2 whose controllers are passed on to its children. */
  readonly cgroupFolder: string;
  /** The executor's own user: may connect to the root half. */
  readonly agentUser: number;
  /** The powerless user that scripts run as. */
  readonly scriptUser: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** The sandbox as `images/` makes it. */
export const GUEST: Guest = {
  root: '/',
  commandLineFile: '/proc/cmdline',
  caFile: '/run/burnbag/ca.pub',
  machineIdFile: '/run/burnbag/machine-id',
  revokedFolder: '/run/burnbag/revoked',
  // Not in /run/burnbag, for the same reason as below.
  loginsFolder: '/run/logins',
  auditPort: '/dev/exec',
  auditFile: '/run/burnbag/logs/exec',
  spawnerSocket: '/run/burnbag/spawner.sock',
  // It is started early in the boot; under emulation its first start takes seconds, and READY does not wait for it.
  spawnerStartMs: 15_000,
  // Not in /run/burnbag: writing there is an event of the audit log.
  spawnerFolder: '/run/spawner',
  cgroupFolder: '/sys/fs/cgroup',
  agentUser: 2000,
  scriptUser: 2002,
  now: () => Date.now(),
};

/** How the executor ends, for sshd and the relay. Numbers as in sysexits.h where it has a word for it. */
export const EXIT = {
  /** End of input, everything that was asked is answered. */
  ended: 0,
  /** Started as a user or in a way that has no mode. */
  usage: 64,
  /** The audit sink takes no records, so nothing runs. */
  auditUnavailable: 69,
  /** A defect of ours. */
  internal: 70,
  /** The relay is gone. */
  connectionLost: 74,
  /** The grant expired. */
  expired: 75,
  /** A line over the limit: what follows it cannot be told apart. */
  protocolViolation: 76,
  /** The certificate or the grant in it does not hold. */
  refused: 77,
  /** The machine's own facts (CA key, machine id) cannot be read. */
  noFacts: 78,
  /** Ended by a signal, as the shells number SIGTERM. */
  terminated: 143,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

import * as z from 'zod';

/** The certificate extension that lets sshd forward at all; PermitOpen in the sandbox says where to. */
export const TUNNEL_EXTENSION = 'permit-port-forwarding';

/** Destinations of one profile: more than any one program listens on. */
export const TUNNELS_MAX = 8;

/** sshd's own port: a tunnel to it would be a second way in. */
const SSH_PORT = 22;

/**
 * One exact destination inside the sandbox, `127.0.0.1:5432`. Nothing but loopback and a decimal port without leading zeros: it goes
 * into a kernel command line and an sshd_config, and is compared there as text.
 */
export const TunnelDestination = z
  .string()
  .regex(/^127\.0\.0\.1:[1-9][0-9]{0,4}$/, 'expected 127.0.0.1:PORT')
  .refine((text) => portOf(text) <= 0xffff && portOf(text) !== SSH_PORT, 'expected a port up to 65535 that is not 22');

/** The destinations of a profile or a grant, each once. */
export const TunnelDestinations = z
  .array(TunnelDestination)
  .min(1)
  .max(TUNNELS_MAX)
  .refine((list) => new Set(list).size === list.length, 'expected each destination once');

/** The port of a destination. */
export function portOf(destination: string): number {
  return Number(destination.slice(destination.lastIndexOf(':') + 1));
}

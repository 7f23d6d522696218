import { DriverError } from '../../error.ts';

/** What the relay host's sshd is configured from. */
export interface RelayHostPlan {
  /** The sandboxes' subnets, `10.0.1.0/24`. */
  readonly subnets: readonly string[];
  /** Who logs in: a user without a shell, whose authorized_keys holds the relay key's public half. */
  readonly username: string;
}

/**
 * The part of sshd_config(5) that makes a host the relay: one user, by key, who can do nothing but have connections opened to port 22 of the
 * sandboxes' addresses. sshd knows no subnets in PermitOpen, so every address is written out; AWS keeps the first four and the last for itself.
 */
export function relayHostConfig({ subnets, username }: RelayHostPlan): string {
  if (!/^[a-z_][a-z0-9_-]{0,31}$/.test(username)) throw refusal('a user name', username);
  const destinations = subnets.flatMap(addressesOf).map((address) => `${address}:22`);
  return [
    '# Burnbag: the relay host. Everything it may do is in this block; `burnbag aws relay-config` writes it.',
    `Match User ${username}`,
    '  AuthenticationMethods publickey',
    '  ForceCommand /bin/false',
    '  AllowTcpForwarding local',
    `  PermitOpen ${destinations.join(' ')}`,
    '  PermitListen none',
    '  AllowStreamLocalForwarding no',
    '  AllowAgentForwarding no',
    '  GatewayPorts no',
    '  X11Forwarding no',
    '  PermitTTY no',
    '  PermitTunnel no',
    '  PermitUserRC no',
    '  MaxSessions 64',
    '',
  ].join('\n');
}

/** A /16 would be a line of a megabyte, and no foundation of ours has one. */
const PREFIX_MIN = 22;
const PREFIX_MAX = 28;
const KEPT_FIRST = 4;

function addressesOf(subnet: string): readonly string[] {
  const [, a = '', b = '', c = '', d = '', bits = ''] =
    /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{2})$/.exec(subnet) ?? [];
  const parts = [a, b, c, d].map(Number);
  const prefix = Number(bits);
  if (bits === '' || parts.some((part) => part > 255) || prefix < PREFIX_MIN || prefix > PREFIX_MAX)
    throw refusal(`a subnet of /${PREFIX_MIN} to /${PREFIX_MAX}`, subnet);
  const first = parts.reduce((sum, part) => sum * 256 + part, 0);
  const size = 2 ** (32 - prefix);
  if (first % size !== 0) throw refusal('a subnet that begins where it says', subnet);
  return Array.from({ length: size - KEPT_FIRST - 1 }, (_, index) => dotted(first + KEPT_FIRST + index));
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}

function refusal(expected: string, got: string): DriverError {
  return new DriverError('bad_request', {
    expected,
    got: JSON.stringify(got),
    hint: 'take it from the foundation’s outputs',
  });
}

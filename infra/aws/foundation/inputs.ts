import { z } from 'zod';
import { AccountId, InstallationId, Region } from '../run/inputs.ts';
import { statePlaceOf, StateUrl, stateUrlOf } from '../state-url.ts';
import type { StateMeans } from './documents/state.ts';
import { bucketNames } from './names.ts';

/** No region has more. */
const MAX_ZONES = 6;

/** The host that connections to sandboxes go through. */
const RelayInputs = z.strictObject({
  /** Any Linux with sshd and cloud-init; its network has no way out, so nothing can be installed later. */
  imageId: z.string().regex(/^ami-[0-9a-f]{8,17}$/),
  /** One of the Nitro types: the host key is read from their consoles. */
  instanceType: z
    .string()
    .regex(/^[a-z0-9-]+\.[a-z0-9-]+$/)
    .default('t3.nano'),
  /** Whom it lets in; Burnbag's name for him. */
  username: z
    .string()
    .regex(/^[a-z_][a-z0-9_-]{0,31}$/)
    .default('burnbag-relay'),
  /** The only key it lets in. `burnbag aws foundation up` takes the data directory's where it is absent. */
  publicKey: z
    .string()
    .regex(/^ssh-ed25519 [A-Za-z0-9+/]{68}$/)
    .optional(),
});

/** User data holds 16 KiB, and every address of every zone stands in it. */
const MAX_ZONES_OF_RELAY = 4;

const Fields = z.strictObject({
  installationId: InstallationId,
  /** The account it must be deployed into; another one's credentials are refused. */
  accountId: AccountId,
  region: Region,
  /** Zones that sandboxes may use, best first. A zone's letter is its part of the network: others may come and go beside it. */
  zones: z
    .array(z.string().regex(/^[a-z0-9-]+[a-z]$/))
    .min(1)
    .max(MAX_ZONES)
    .refine((zones) => new Set(zones.map(letterOf)).size === zones.length, 'expected zones with a letter each'),
  /** Where the relay's subnet is; the first of the zones by name where it is absent. Must not change: a subnet cannot be moved. */
  relayZone: z.string().min(1).optional(),
  /** The sandboxes' network; a /16, of which each zone takes a /24. */
  sandboxNetwork: z
    .string()
    .regex(/^10\.[0-9]{1,3}\.0\.0\/16$/)
    .default('10.83.0.0/16'),
  /** The relay's network, another /16. */
  relayNetwork: z
    .string()
    .regex(/^10\.[0-9]{1,3}\.0\.0\/16$/)
    .default('10.84.0.0/16'),
  /** Who may open a connection to the relay host's sshd: a VPN, a peered network. Nobody by default. */
  relayClients: z.array(z.cidrv4()).default([]),
  /** Makes the relay host, too. Without it the host is the user's: `burnbag aws relay-config`. */
  relay: RelayInputs.optional(),
  /** Makes the APIs of EC2, KMS and STS reachable from the relay's network, for an orchestrator that runs there. Costs by the hour. */
  apiEndpoints: z.boolean().default(false),
  /** No object of the evidence bucket can be kept for less. Nobody can shorten it, the account's root included. */
  retentionDays: z.number().int().min(1).max(3_650).default(30),
  /** What certificates are signed with; sshd and the executor know both, KMS signs at most 4096 bytes with Ed25519. Evidence has P-256. */
  signingKeySpec: z.enum(['ECC_NIST_P256', 'ECC_NIST_EDWARDS25519']).default('ECC_NIST_P256'),
  /** Who may take the roles on. By default whom the account's own administrators allow it. */
  trustedPrincipals: z.array(z.string().startsWith('arn:')).default([]),
  /** Where the state of runs' stacks is kept, where it is kept in S3: grants the roles what that takes. The bucket is yours, and not one of ours. */
  state: z.strictObject({ url: StateUrl, keyArn: z.string().startsWith('arn:').optional() }).optional(),
  /** Told when the month's cost of this installation passes 80 % of the limit, and when it is forecast to pass it. */
  budget: z.strictObject({ limitUsd: z.number().positive(), email: z.email() }).optional(),
});

/** What the foundation is made from. Most of it has a default that fits an empty account. */
export const FoundationInputs = Fields.refine(
  (inputs) => !Object.values(bucketNames(inputs)).includes(stateOf(inputs)?.bucket ?? ''),
  { path: ['state', 'url'], error: 'expected a bucket that is not the foundation’s own: what is put there is locked' },
).refine(({ relay, zones }) => relay === undefined || zones.length <= MAX_ZONES_OF_RELAY, {
  path: ['relay'],
  error: `expected ${MAX_ZONES_OF_RELAY} zones at most: its user data holds no more addresses`,
});
export type FoundationInputs = z.infer<typeof FoundationInputs>;

/** Where in S3 the state of this installation's stacks is; undefined where it is in the data directory. */
export function stateOf({ state, installationId, region }: z.infer<typeof Fields>): StateMeans | undefined {
  if (state === undefined) return undefined;
  return { ...statePlaceOf(stateUrlOf(state.url, installationId), region), keyArn: state.keyArn };
}

/** The addresses everything else is made from. */
export interface Plan {
  /** One per zone. */
  readonly sandboxSubnets: readonly { readonly zone: string; readonly cidr: string }[];
  readonly relaySubnet: { readonly zone: string; readonly cidr: string };
  /** The one address that reaches a sandbox. EC2 keeps the first four of a subnet. */
  readonly relayAddress: string;
}

/** Divides the two networks. */
export function planOf({ zones, relayZone, sandboxNetwork, relayNetwork }: FoundationInputs): Plan {
  const third = (network: string, part: number) => network.replace(/\.0\.0\/16$/, `.${part}`);
  const partOf = (zone: string) => letterOf(zone).charCodeAt(0) - 'a'.charCodeAt(0);
  return {
    sandboxSubnets: zones.map((zone) => ({ zone, cidr: `${third(sandboxNetwork, partOf(zone))}.0/24` })),
    relaySubnet: { zone: relayZone ?? zones.toSorted()[0] ?? '', cidr: `${third(relayNetwork, 0)}.0/24` },
    relayAddress: `${third(relayNetwork, 0)}.10`,
  };
}

/** `a` of `eu-central-1a`. */
function letterOf(zone: string): string {
  return zone.at(-1) ?? '';
}

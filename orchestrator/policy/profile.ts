import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { ACTION_NAMES, PathRule, TunnelDestinations, UnitName } from '../../executor/protocol/index.ts';
import { RequestError } from '../errors.ts';

const PROFILES = new URL('../../policies/profiles.json', import.meta.url);

/** One action a profile allows, with the widest limits any grant under it may have. */
export const Allowance = z.strictObject({
  action: z.enum(ACTION_NAMES),
  why: z.string().min(1),
  limits: z.strictObject({
    paths: z.array(PathRule).min(1).optional(),
    max_bytes: z.int().min(1).optional(),
    max_lines: z.int().min(1).optional(),
    max_seconds: z.int().min(1).optional(),
    units: z.array(UnitName).min(1).optional(),
  }),
});
export type Allowance = z.infer<typeof Allowance>;

/** A named shape of sandbox. Data, each allowance with its `why`; see policies/profiles.json. */
export const Profile = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/),
  why: z.string().min(1),
  machine: z.strictObject({
    memoryMiB: z.int().min(128).max(65_536),
    cpus: z.int().min(1).max(64),
    scratchMiB: z.int().min(16).max(1_048_576),
  }),
  network: z.literal('none'),
  /** Where a caller may open tunnels to, inside the sandbox; nowhere when absent. */
  tunnels: TunnelDestinations.exactOptional(),
  ttlSeconds: z.strictObject({ default: z.int().min(60), max: z.int().max(3_600) }),
  actions: z.array(Allowance).min(1),
});
export type Profile = z.infer<typeof Profile>;

/** What policy decides from: the profiles and the digest that grants carry of them. */
export interface Policy {
  readonly profiles: readonly Profile[];
  readonly sha256: string;
}

/** Reads policies/profiles.json; a mistake in it stops everything, with the field's name. */
export async function loadPolicy(): Promise<Policy> {
  const text = await readFile(PROFILES, 'utf8');
  const { profiles } = z.strictObject({ profiles: z.array(Profile).min(1) }).parse(JSON.parse(text));
  return { profiles, sha256: createHash('sha256').update(text).digest('hex') };
}

/** The profile of that name, or an error that lists the names there are. */
export function findProfile(policy: Policy, name: string): Profile {
  const found = policy.profiles.find((profile) => profile.name === name);
  if (found !== undefined) return found;
  throw new RequestError('bad_argument', {
    expected: `a profile: ${policy.profiles.map((profile) => profile.name).join(', ')}`,
    got: JSON.stringify(name),
    hint: 'profiles are data in policies/profiles.json',
  });
}

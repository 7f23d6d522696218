/**
 * The tags everything of ours carries in an account: how it is found without state, and what the permissions of our roles depend on.
 * All of them are public; none holds what a caller wrote.
 */
export const TAGS = {
  /** Whose it is; two installations in one account leave each other's things alone. */
  installation: 'burnbag:installation',
  /** What it is for; see ROLES. */
  role: 'burnbag:role',
  /** The run it belongs to. Only on what a burn deletes. */
  run: 'burnbag:run',
  /** When it should be gone by itself, ISO 8601 in UTC. Only on what a burn deletes. */
  deadline: 'burnbag:deadline',
  /** Digest of the sandbox image. On images, snapshots and what runs from them. */
  image: 'burnbag:image',
  /** Digest of the disk, with what is baked in. On images and their snapshots, as are the next three. */
  disk: 'burnbag:disk',
  /** Fingerprint of the CA that is baked in. */
  ca: 'burnbag:ca',
  /** Address of the relay that is baked in. */
  relay: 'burnbag:relay',
  /** Where its sshd may forward to inside the guest, `127.0.0.1:PORT …`, or `none`. */
  tunnels: 'burnbag:tunnels',
} as const;

/** What a thing of ours is for. `sandbox` is the only one that is ever deleted by a burn or the reaper. */
export const ROLES = { sandbox: 'sandbox', foundation: 'foundation', image: 'image' } as const;

/** Tags by name. */
export type Tags = Readonly<Record<string, string>>;

/** What a run's tags are made from. */
export interface TaggedRun {
  readonly runId: string;
  readonly installationId: string;
  readonly imageDigest: string;
  /** ISO 8601 in UTC. */
  readonly deadline: string;
}

/** The tags of everything that belongs to one run, put on at creation. `Name` is for people who look at a console. */
export function runTags({ runId, installationId, imageDigest, deadline }: TaggedRun): Tags {
  return {
    Name: `burnbag-${runId}`,
    [TAGS.installation]: installationId,
    [TAGS.role]: ROLES.sandbox,
    [TAGS.run]: runId,
    [TAGS.deadline]: deadline,
    [TAGS.image]: imageDigest,
  };
}

/** The tags of what the foundation deploys once. */
export function foundationTags(installationId: string, name: string): Tags {
  return {
    Name: `burnbag-${installationId}-${name}`,
    [TAGS.installation]: installationId,
    [TAGS.role]: ROLES.foundation,
  };
}

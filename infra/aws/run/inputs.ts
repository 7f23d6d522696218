import { z } from 'zod';

/** A run id of ours: part of names, tags and nothing else. */
export const RunId = z.string().regex(/^[0-9a-f]{12}$/);
/** As in labels and tags. */
export const InstallationId = z.string().regex(/^[A-Za-z0-9-]{1,64}$/);
/** Twelve digits. */
export const AccountId = z.string().regex(/^[0-9]{12}$/);
export const Region = z.string().regex(/^[a-z]{2}(-[a-z]+)+-[0-9]$/);

/** Where one attempt puts the machine. Another type or zone after a capacity error is another placement; see placement.ts. */
export const Placement = z.strictObject({
  instanceType: z.string().regex(/^[a-z0-9-]+\.[a-z0-9-]+$/),
  subnetId: z.string().startsWith('subnet-'),
  /** Pay the spot price and let EC2 take the machine back: the run then ends as `interrupted`. */
  spot: z.boolean(),
});
export type Placement = z.infer<typeof Placement>;

/** What the program of one run is made from. All of it public: it stands in the stack's state. */
export const RunInputs = z.strictObject({
  runId: RunId,
  installationId: InstallationId,
  /** Refused where the credentials are another account's. */
  accountId: AccountId,
  region: Region,
  /** The sandboxes' VPC, of the foundation. */
  vpcId: z.string().startsWith('vpc-'),
  /** Private IPv4 address of the relay's interface: the only one that reaches the guest's port 22. */
  relayAddress: z.ipv4(),
  imageId: z.string().startsWith('ami-'),
  imageDigest: z.string().min(1),
  /** At least the image's size; the scratch space is what is beyond it. */
  rootGiB: z.number().int().min(1).max(1_024),
  /** When everything of the run should be gone, ISO 8601 in UTC: a tag, for the reaper. */
  deadline: z.iso.datetime(),
  placement: Placement,
});
export type RunInputs = z.infer<typeof RunInputs>;

/** What the program exports. Each id is concrete: it can be asked for by itself. */
export const RunOutputs = z.strictObject({
  /** The instance id, which is the machine id. */
  machineId: z.string().startsWith('i-'),
  /** Made before the instance, so only one instance of a run can ever hold it. */
  interfaceId: z.string().startsWith('eni-'),
  securityGroupId: z.string().startsWith('sg-'),
  volumeId: z.string().startsWith('vol-'),
  /** The guest's private IPv4 address. */
  address: z.ipv4(),
  zone: z.string(),
  instanceType: z.string(),
  spot: z.boolean(),
});
export type RunOutputs = z.infer<typeof RunOutputs>;

import { z } from 'zod';

/** What a scratch disk is made from. */
export const DiskInputs = z.strictObject({
  runId: z.string(),
  /** What the guest sees; the file is sparse and as long as this and its header. */
  sizeMiB: z.number().int().min(16).max(1_048_576),
});
export type DiskInputs = z.infer<typeof DiskInputs>;

/** What a machine is made from. All of it public: it stands in the stack's state. */
export const MachineInputs = z.strictObject({
  runId: z.string(),
  /** Id of the scratch disk: makes the disk come first and go last. */
  diskId: z.string(),
  diskMiB: z.number().int(),
  imageDigest: z.string(),
  memoryMiB: z.number().int().min(128).max(65_536),
  cpus: z.number().int().min(1).max(64),
  lifetimeSeconds: z.number().int().min(1).max(86_400),
  caPublicKey: z.string(),
  tunnels: z.array(z.string()),
});
export type MachineInputs = z.infer<typeof MachineInputs>;

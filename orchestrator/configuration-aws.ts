import * as z from 'zod';
import { StateUrl } from '../infra/index.ts';

const Ipv4 = z.ipv4();
const Line = z.string().regex(/^ssh-ed25519 [A-Za-z0-9+/]{68}$/);

/**
 * `aws` in config.json: where sandboxes run on EC2. Most of it is what the foundation exports. Nothing of it is secret: credentials come from
 * the AWS SDK's own chain (environment, profile, role).
 */
export const AwsConfiguration = z.strictObject({
  region: z.string().regex(/^[a-z]{2}(-[a-z]+)+-[0-9]$/),
  /** Everything is made in this account; with credentials of another one nothing is made and nothing deleted. */
  account_id: z.string().regex(/^[0-9]{12}$/),
  /** Tells this installation's things from another's in the same account. */
  installation_id: z.string().regex(/^[A-Za-z0-9-]{1,64}$/),
  vpc_id: z.string().startsWith('vpc-'),
  /** One per zone, in the order they are tried. */
  subnets: z.array(z.string().startsWith('subnet-')).min(1),
  /** Several families, so that one without capacity stops no run. */
  instance_types: z
    .array(z.string().regex(/^[a-z0-9-]+\.[a-z0-9-]+$/))
    .min(1)
    .default(['t3.small', 't3a.small', 'm7i-flex.large']),
  /** The one image that runs start from; the newest that fits where it is absent. */
  image_id: z.string().startsWith('ami-').optional(),
  spot: z.enum(['never', 'first', 'only']).default('never'),
  /** Where the `pulumi` binary keeps the state of stacks, below it one path for each installation; in the data directory where it is absent. */
  state_url: StateUrl.optional(),
  /** At least the image's size. */
  root_gib: z.int().min(1).max(1_024).default(1),
  /** Private address of the relay's interface: where guests see connections come from. */
  relay_address: Ipv4,
  /** Through whose sshd connections go; absent where Burnbag itself runs on the relay. */
  relay_host: z
    .strictObject({
      host: z.string().min(1),
      port: z.int().min(1).max(65_535).default(22),
      username: z.string().regex(/^[a-z_][a-z0-9_-]{0,31}$/),
      host_key: Line,
    })
    .optional(),
  /** KMS keys, by id, ARN or alias; files in `keys/` where they are absent. */
  keys: z
    .strictObject({
      ca: z.string().min(1).optional(),
      evidence: z.string().min(1).optional(),
      receipt: z.string().min(1).optional(),
    })
    .prefault({}),
  /** Of something that plays AWS. */
  endpoint: z.url().optional(),
  /** How long is waited for a guest's READY, and for a thing to be gone; seconds. */
  ready_seconds: z.int().min(1).max(1_800).default(300),
  visible_seconds: z.number().min(0.1).max(600).default(60),
  poll_seconds: z.number().min(0.05).max(60).default(2),
});
export type AwsConfiguration = z.infer<typeof AwsConfiguration>;

import * as z from 'zod';

/** `NAME`, or `NAME@VERSION`: without one, the version that is the latest when the data directory is opened. */
const Key = z.string().regex(/^[A-Za-z0-9_.-]{1,128}(@[1-9][0-9]{0,9})?$/, 'expected NAME or NAME@VERSION');

/** `transit` in config.json: keys in Vault's or OpenBao's Transit engine. The token comes by environment, as VAULT_TOKEN. */
export const TransitConfiguration = z
  .strictObject({
    address: z
      .string()
      .regex(
        /^(https:\/\/[A-Za-z0-9.-]+|http:\/\/(127\.0\.0\.1|localhost))(:[0-9]{1,5})?$/,
        'expected https://HOST:PORT',
      ),
    mount: z
      .string()
      .regex(/^[A-Za-z0-9_-]+(\/[A-Za-z0-9_-]+)*$/)
      .default('transit'),
    namespace: z
      .string()
      .regex(/^[A-Za-z0-9_/-]+$/)
      .optional(),
    /** What is absent is a file in `keys/`. */
    keys: z.strictObject({ ca: Key.optional(), evidence: Key.optional(), receipt: Key.optional() }),
  })
  .refine(({ keys: { evidence, receipt } }) => evidence === undefined || evidence !== receipt, {
    path: ['keys', 'receipt'],
    error: 'expected another key than for evidence: one stolen key must not be enough for a receipt',
  });

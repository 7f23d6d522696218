import * as z from 'zod';

/** `timestamp` in config.json: who is asked, once a run is sealed, for a signed statement of the time (RFC 3161). */
export const TimestampConfiguration = z.strictObject({
  /** Plain http will do: a digest goes out, and the answer is signed. */
  url: z
    .url({ protocol: /^https?$/, error: 'expected http://… or https://…' })
    .refine((url) => new URL(url).username === '', 'expected no user name: config.json holds no secrets'),
  /** PEM, from the data directory: certificates of the authorities, or of the TSA itself, whose timestamps count. */
  ca_file: z.string().min(1).default('keys/tsa-ca.pem'),
  policy: z
    .string()
    .regex(/^[0-2](\.(0|[1-9][0-9]{0,18})){2,20}$/, 'expected an object identifier, e.g. 1.3.6.1.4.1.4146.2.3')
    .optional(),
});

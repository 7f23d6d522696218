import { readFile } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { AwsConfiguration } from './configuration-aws.ts';
import { TimestampConfiguration } from './configuration-timestamp.ts';
import { TransitConfiguration } from './configuration-transit.ts';
import { RequestError } from './errors.ts';

/** Evidence is kept this long unless the configuration says otherwise. */
const DEFAULT_RETENTION_DAYS = 30;
/** COMPLIANCE retention cannot be shortened by anyone: a number above this is said twice, so that nobody is bound for years by a slip. */
const CONFIRMED_RETENTION_DAYS = 90;
const MAX_RETENTION_DAYS = 3650;
/** Hundreds of ordinary runs; a host's disk has to have room for them. */
const SPOOL_MIB = 4_096;

/** Emulated guests take a processor each; under KVM two share one well. */
const RUNS_PER_PROCESSOR = 2;
/** What is left of this host's memory is for the host, and for what QEMU takes beside its guest. */
const MEMORY_SHARE = 0.5;
const MEBIBYTE = 1024 * 1024;
/** More than a person starts and forgets; what waits costs a few kilobytes. */
const WAITING_PER_REQUESTER = 100;

const Fields = z.strictObject({
  driver: z.enum(['local', 'aws']).default('local'),
  /** What executes Pulumi programs; the embedded one for `local`, the `pulumi` binary for `aws`, unless it is said. */
  engine: z.enum(['embedded', 'cli']).optional(),
  aws: AwsConfiguration.optional(),
  transit: TransitConfiguration.optional(),
  timestamp: TimestampConfiguration.optional(),
  refuse_emulated: z.boolean().default(false),
  refuse_swap: z.boolean().default(false),
  limits: z
    .strictObject({
      runs: z
        .int()
        .min(1)
        .max(256)
        .default(RUNS_PER_PROCESSOR * availableParallelism()),
      memory_mib: z
        .int()
        .min(64)
        .default(Math.floor((totalmem() / MEBIBYTE) * MEMORY_SHARE)),
      waiting: z.int().min(1).max(10_000).default(WAITING_PER_REQUESTER),
    })
    .prefault({}),
  archive: z
    .strictObject({
      endpoint: z.url().optional(),
      region: z.string().min(1).default('us-east-1'),
      bucket: z
        .string()
        .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/)
        .default('burnbag-evidence'),
      mode: z.enum(['COMPLIANCE', 'GOVERNANCE']).default('COMPLIANCE'),
      retention_days: z.int().min(1).max(MAX_RETENTION_DAYS).default(DEFAULT_RETENTION_DAYS),
      /** The same number once more, where it is above `CONFIRMED_RETENTION_DAYS`. */
      confirm_retention_days: z.int().optional(),
      require: z.enum(['strict', 'rehearsal', 'weak', 'none']).default('strict'),
      /** How much evidence may wait here for an archive that does not take it, before new runs are refused; in MiB. */
      spool_mib: z.int().min(1).default(SPOOL_MIB),
    })
    .refine(isConfirmed, {
      path: ['confirm_retention_days'],
      error: `expected the number of retention_days again: COMPLIANCE above ${CONFIRMED_RETENTION_DAYS} days cannot be taken back by anyone`,
    })
    .prefault({}),
});
/** `config.json` in the data directory. Every field has a default but those of `aws`; none of them is a secret. */
export const Configuration = Fields.transform(({ engine, ...fields }) => ({
  ...fields,
  engine: engine ?? ({ local: 'embedded', aws: 'cli' } as const)[fields.driver],
})).superRefine(({ engine, aws }, context) => {
  if (engine === 'cli' || aws?.state_url === undefined) return;
  const message = 'only the pulumi binary keeps state in S3: set "engine" to "cli", or leave state_url out';
  context.addIssue({ code: 'custom', path: ['aws', 'state_url'], message });
});
export type Configuration = z.infer<typeof Configuration>;

function isConfirmed(archive: {
  mode: string;
  retention_days: number;
  confirm_retention_days?: number | undefined;
}): boolean {
  const { mode, retention_days: days, confirm_retention_days: confirmed } = archive;
  return confirmed === undefined ? mode !== 'COMPLIANCE' || days <= CONFIRMED_RETENTION_DAYS : confirmed === days;
}

/** Reads `<home>/config.json`; absent means all defaults, anything wrong in it is refused with the field's name. */
export async function loadConfiguration(home: string): Promise<Configuration> {
  const file = join(home, 'config.json');
  const text = await readText(file);
  if (text === undefined) return Configuration.parse({});
  const parsed = Configuration.safeParse(parseJson(file, text));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw refusal(
    `${file} to follow docs/configuration.md`,
    `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'invalid'}`,
  );
}

async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw refusal(`${file} to be readable`, (cause as Error).message, cause);
  }
}

function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw refusal(`${file} to be JSON`, (cause as Error).message, cause);
  }
}

function refusal(expected: string, got: string, cause?: unknown): RequestError {
  return new RequestError(
    'bad_configuration',
    { expected, got, hint: 'mend the file, or remove it to use the defaults' },
    { cause },
  );
}

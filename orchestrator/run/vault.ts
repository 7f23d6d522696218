import { join, resolve } from 'node:path';
import type { Configuration } from '../configuration.ts';
import type { Environment } from '../environment.ts';
import { RequestError } from '../errors.ts';
import type { Keys } from './open-keys.ts';
import {
  type Archive,
  type ArchiveFacts,
  type ArchiveOptions,
  type DatedProbe,
  EvidenceError,
  openArchive,
  openSigner,
  probeOrRecall,
  readAuthorities,
  type Signer,
  spooledBytes,
  type Stamped,
  stampSeal,
  startLocalArchive,
  type TimestampAuthority,
} from '../evidence/index.ts';

/** Where evidence goes and what signs it: the archive, opened and probed when first needed, and one key per purpose. */
export interface Vault extends AsyncDisposable {
  readonly evidenceSigner: Signer;
  readonly receiptSigner: Signer;
  /** Has the seal of a bundle timestamped; null where nobody is configured for it. Rejects with TimestampError. */
  readonly stamp: (dir: string, withinMs?: number) => Promise<Stamped | null>;
  /** The archive, open and probed. Rejects with ArchiveError; the next call tries again. */
  open(): Promise<OpenVault>;
  /** Rejects unless the archive is open and its lock is at least as good as required, and the TSA's certificates can be read: without it nothing is started. */
  openForRun(): Promise<void>;
}

export interface OpenVault {
  readonly archive: Archive;
  readonly facts: ArchiveFacts;
}

const STRENGTH = { none: 0, weak: 1, rehearsal: 2, strict: 3 } as const;

/** Opens the vault of a data directory; the archive itself is opened when it is first asked for. */
export async function openVault(
  { home, variables }: Environment,
  configuration: Configuration,
  keys: Pick<Keys, 'evidence' | 'receipt'> = {},
): Promise<Vault> {
  const [evidenceSigner, receiptSigner] = await Promise.all([
    openSigner(home, 'evidence', keys.evidence),
    openSigner(home, 'receipt', keys.receipt),
  ]);
  const resources = new AsyncDisposableStack();
  let opening: Promise<OpenVault> | undefined;
  const open = (): Promise<OpenVault> => {
    opening ??= openConfigured({ home, variables }, configuration, resources).catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    return opening;
  };
  return {
    evidenceSigner,
    receiptSigner,
    stamp: async (dir, withinMs) => {
      const authority = await authorityOf(home, configuration);
      return authority === undefined ? null : stampSeal({ dir, authority, withinMs });
    },
    open,
    openForRun: async () => {
      await authorityOf(home, configuration);
      await requireRoom(home, configuration.archive.spool_mib);
      requireLock((await open()).facts, configuration.archive.require);
    },
    async [Symbol.asyncDispose]() {
      await opening?.catch(() => undefined);
      await resources.disposeAsync();
    },
  };
}

/** Read anew each time: a TSA's certificates are replaced while nobody looks. */
async function authorityOf(home: string, { timestamp }: Configuration): Promise<TimestampAuthority | undefined> {
  if (timestamp === undefined) return undefined;
  const { url, policy, ca_file: file } = timestamp;
  return { url, policy, trusted: await readAuthorities(resolve(home, file)) };
}

type Where = Pick<Environment, 'home' | 'variables'>;

async function openConfigured(
  { home, variables }: Where,
  { archive: wanted }: Configuration,
  resources: AsyncDisposableStack,
): Promise<OpenVault> {
  const folder = join(home, 'archive');
  const common = {
    region: wanted.region,
    bucket: wanted.bucket,
    mode: wanted.mode,
    retentionDays: wanted.retention_days,
  };
  let archive: Archive;
  let store: string;
  if (wanted.endpoint === undefined) {
    const server = resources.use(
      await startLocalArchive({ home, ...(variables['PATH'] !== undefined && { searchPath: variables['PATH'] }) }),
    );
    archive = resources.use(
      await openArchive({ ...common, endpoint: server.endpoint, credentials: server.credentials, createBucket: true }),
    );
    store = server.store;
  } else {
    archive = resources.use(
      await openArchive({ ...common, endpoint: wanted.endpoint, credentials: credentialsOf(variables) }),
    );
    store = wanted.endpoint;
  }
  const probe = await probeOrRecall(archive, { file: join(folder, 'probe.json'), store });
  return { archive, facts: factsOf(archive, probe) };
}

/** The AWS SDK's own variables, which is where users have them. */
function credentialsOf(variables: Where['variables']): NonNullable<ArchiveOptions['credentials']> {
  const {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
  } = variables;
  if (accessKeyId !== undefined && secretAccessKey !== undefined)
    return { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) };
  throw new RequestError('bad_configuration', {
    expected: 'AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY for the configured archive',
    got: 'an environment without them',
    hint: 'set them, or remove archive.endpoint from config.json to use the local archive',
  });
}

function factsOf(archive: Archive, probe: DatedProbe): ArchiveFacts {
  const { endpoint, bucket, mode, retentionDays } = archive;
  const lock = mode === 'GOVERNANCE' && probe.verdict === 'strict' ? 'rehearsal' : probe.verdict;
  return { endpoint, bucket, mode, retention_days: retentionDays, lock, probed_at: probe.probed_at };
}

const MEBIBYTE = 1024 * 1024;

/** What the archive has not taken is kept here: a disk that is full of it would keep the next run from being recorded. */
async function requireRoom(home: string, mostMiB: number): Promise<void> {
  const bytes = await spooledBytes(home);
  if (bytes <= mostMiB * MEBIBYTE) return;
  throw new EvidenceError('spool_full', {
    expected: `at most ${mostMiB} MiB of evidence that waits for the archive`,
    got: `${Math.ceil(bytes / MEBIBYTE)} MiB`,
    hint: 'see what keeps the archive from taking it with `burnbag evidence archive`, or raise archive.spool_mib in config.json',
  });
}

function requireLock(facts: ArchiveFacts, required: keyof typeof STRENGTH): void {
  if (STRENGTH[facts.lock] >= STRENGTH[required]) return;
  throw new RequestError('refused_by_policy', {
    expected: `an archive whose Object Lock is ${required}`,
    got:
      facts.lock === 'rehearsal'
        ? `${facts.endpoint} in GOVERNANCE mode`
        : `${facts.endpoint}, which the probe found ${facts.lock}`,
    hint:
      facts.lock === 'rehearsal'
        ? 'GOVERNANCE is for rehearsals: set archive.require to rehearsal too, and mean it'
        : 'use a store that enforces Object Lock, or lower archive.require in config.json and mean it',
  });
}

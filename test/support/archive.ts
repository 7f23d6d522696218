import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Archive,
  type ArchiveOptions,
  type LocalArchive,
  openArchive,
  startLocalArchive,
} from '../../orchestrator/evidence/index.ts';

/** The archive server that setup put in place. */
export const VERSITYGW = join(
  process.env['BURNBAG_HOME'] ?? join(import.meta.dirname, '..', '..', '.burnbag'),
  'bin',
  'versitygw',
);

/** A folder that goes away with the test. */
export async function temporaryHome(): Promise<{ readonly home: string } & AsyncDisposable> {
  const home = await mkdtemp(join(tmpdir(), 'burnbag-evidence-'));
  return { home, [Symbol.asyncDispose]: () => rm(home, { recursive: true, force: true }) };
}

/** A real archive server on a folder of its own, and a bucket in it. Locks do not outlive the folder. */
export interface TemporaryArchive extends AsyncDisposable {
  readonly home: string;
  readonly server: LocalArchive;
  readonly archive: Archive;
  /** Another client of the same server: another bucket, other credentials, by way of another address. */
  open(changes?: Partial<ArchiveOptions>): Promise<Archive>;
}

export async function temporaryArchive(): Promise<TemporaryArchive> {
  const stack = new AsyncDisposableStack();
  const { home } = stack.use(await temporaryHome());
  const server = stack.use(await startLocalArchive({ home, binary: VERSITYGW }));
  const open = async (changes: Partial<ArchiveOptions> = {}) =>
    stack.use(
      await openArchive({
        endpoint: server.endpoint,
        region: server.region,
        credentials: server.credentials,
        bucket: 'evidence',
        mode: 'COMPLIANCE',
        retentionDays: 1,
        createBucket: true,
        ...changes,
      }),
    );
  return { home, server, archive: await open(), open, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

import { randomBytes } from 'node:crypto';
import { mkdir, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { claimArchive } from './claim.ts';
import { openCredentials, type ArchiveCredentials } from './credentials.ts';
import { ArchiveError, isArchiveError } from './errors.ts';
import { findServerBinary } from './server-binary.ts';
import { startServer, type ServerProcess } from './server-process.ts';

/** Where the local archive is and what serves it. */
export interface LocalArchiveOptions {
  /** The data directory; the archive is its folder `archive`. */
  readonly home: string;
  /** versitygw ≥ 1.8; by default bin/versitygw in the data directory, else the first in `searchPath`. */
  readonly binary?: string;
  /** Folders to look in, as in $PATH. */
  readonly searchPath?: string;
}

/** A running archive server of our own, on a port of the loopback interface. Disposal ends it. */
export interface LocalArchive extends AsyncDisposable {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: ArchiveCredentials;
  /** Names the store beyond its address, which changes with each start: for `probeOrRecall`. */
  readonly store: string;
  readonly pid: number;
  stop(): Promise<void>;
}

export const LOCAL_REGION = 'us-east-1';

/** A free port may be taken before the server binds it; three in a row are not. */
const PORT_ATTEMPTS = 3;

/**
 * Starts versitygw on the archive folder of a data directory (made on first use) and waits until it answers. The server dies
 * with this process where the system allows it. Throws ArchiveError: `server_missing`, `server_busy`, `server_failed`, `storage_unfit`.
 */
export async function startLocalArchive(options: LocalArchiveOptions): Promise<LocalArchive> {
  const binary = await findServerBinary(options);
  const folder = join(options.home, 'archive');
  await makeFolders(folder);
  const claim = await claimArchive(join(folder, 'server.json'));
  try {
    const credentials = await openCredentials(join(folder, 'credentials.json'));
    const { server, endpoint } = await startOnFreePort(binary, folder, credentials);
    await claim.nameServer(server.pid);
    const stop = once(async () => {
      await server.stop();
      await claim.release();
    });
    return {
      endpoint,
      region: LOCAL_REGION,
      credentials,
      store: await describeStore(binary),
      pid: server.pid,
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await claim.release();
    throw error;
  }
}

async function makeFolders(folder: string): Promise<void> {
  try {
    for (const name of ['data', 'versions']) await mkdir(join(folder, name), { recursive: true, mode: 0o700 });
  } catch (cause) {
    const got = cause instanceof Error ? cause.message : String(cause);
    throw new ArchiveError(
      'storage_unfit',
      { expected: `to make the archive in ${folder}`, got, hint: 'check its owner and free space' },
      { cause },
    );
  }
}

async function startOnFreePort(
  binary: string,
  folder: string,
  credentials: ArchiveCredentials,
): Promise<{ server: ServerProcess; endpoint: string }> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await findFreePort();
    try {
      const server = await startServer({
        binary,
        folder,
        credentials,
        port,
        region: LOCAL_REGION,
        healthPath: `/health-${randomBytes(8).toString('hex')}`,
      });
      return { server, endpoint: `http://127.0.0.1:${port}` };
    } catch (error) {
      const isTaken = isArchiveError(error, 'server_failed') && error.got.includes('address already in use');
      if (!isTaken || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}

/** The kernel picks one that is free now. */
function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (cause) => {
      const said = {
        expected: 'a free port on 127.0.0.1 for the archive server',
        got: cause.message,
        hint: 'end what holds so many ports, or widen net.ipv4.ip_local_port_range',
      };
      reject(new ArchiveError('server_failed', said, { cause }));
    });
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      probe.close(() => {
        resolve(port);
      });
    });
  });
}

/** Another release of the server is another file: its size and time tell, without reading 80 MB. */
async function describeStore(binary: string): Promise<string> {
  const { size, mtimeMs } = await stat(binary);
  return `local versitygw ${size} ${Math.round(mtimeMs)}`;
}

function once(run: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => (done ??= run());
}

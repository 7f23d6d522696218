import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';

/**
 * A real Postgres server for tests: the one BURNBAG_TEST_DATABASE_URL names, else one of our own from Debian's postgresql package,
 * on a unix socket in a folder that goes when it is disposed of. Undefined when this machine has neither.
 */
export async function startPostgres(): Promise<TestPostgres | undefined> {
  const given = process.env['BURNBAG_TEST_DATABASE_URL'];
  if (given !== undefined) return { url: given, [Symbol.asyncDispose]: () => Promise.resolve() };
  const programs = findPrograms();
  return programs === undefined ? undefined : startOwn(programs);
}

export interface TestPostgres extends AsyncDisposable {
  readonly url: string;
  /** Stops the server at once, waits so long, and starts it again; only where it is our own. */
  readonly outage?: (ms: number) => Promise<void>;
}

/** Makes a database of that name on such a server, and says its URL. */
export async function newDatabase(postgres: TestPostgres | undefined, name: string): Promise<string> {
  const url = postgres?.url ?? '';
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`create database ${name}`);
  await client.end();
  return url.replace('/postgres?', `/${name}?`);
}

const PACKAGED = '/usr/lib/postgresql';
const START_DEADLINE_MS = 60_000;

function findPrograms(): string | undefined {
  const versions = existsSync(PACKAGED) ? readdirSync(PACKAGED) : [];
  return versions.map((version) => join(PACKAGED, version, 'bin')).find((bin) => existsSync(join(bin, 'initdb')));
}

async function startOwn(programs: string): Promise<TestPostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'burnbag-postgres-'));
  const user = unprivilegedUser();
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  const as = { ...user, cwd: folder, env: { LC_ALL: 'C', TZ: 'UTC' } };
  const data = join(folder, 'data');
  const initdb = ['--pgdata', data, '--username', 'burnbag', '--auth', 'trust', '--encoding', 'UTF8', '--no-sync'];
  await promisify(execFile)(join(programs, 'initdb'), initdb, { ...as, timeout: START_DEADLINE_MS });
  const settings = ['listen_addresses=', `unix_socket_directories=${folder}`, 'fsync=off'].flatMap((setting) => [
    '-c',
    setting,
  ]);
  const launch = async () => {
    const server = spawn(join(programs, 'postgres'), ['-D', data, ...settings], {
      ...as,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const exit = once(server, 'exit');
    await untilReady(server.stderr);
    return async (): Promise<void> => {
      // SIGQUIT: stops at once, as a crash does.
      server.kill('SIGQUIT');
      await exit;
    };
  };
  let stop = await launch();
  return {
    url: `postgresql:///postgres?host=${folder}&user=burnbag`,
    outage: async (ms) => {
      await stop();
      await sleep(ms);
      stop = await launch();
    },
    [Symbol.asyncDispose]: async () => {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Postgres refuses to run as root: then its own user runs it, else nobody. */
function unprivilegedUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const [, uid, gid] = /^postgres:[^:]*:(\d+):(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8')) ?? [];
  return { uid: Number(uid ?? 65_534), gid: Number(gid ?? 65_534) };
}

async function untilReady(log: NodeJS.ReadableStream): Promise<void> {
  let said = '';
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  const deadline = setTimeout(() => {
    reject(new Error(`Postgres did not start: ${said}`));
  }, START_DEADLINE_MS);
  log.on('data', (chunk: Buffer) => {
    said += chunk.toString();
    if (said.includes('ready to accept connections')) resolve(undefined);
  });
  log.on('end', () => {
    reject(new Error(`Postgres ended: ${said}`));
  });
  await promise.finally(() => {
    clearTimeout(deadline);
  });
}

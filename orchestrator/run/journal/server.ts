import pg from 'pg';
import { type Database, DatabaseError, type Row } from './database.ts';

/** Connects to a Postgres server, and rejects at once when it cannot be reached. */
export async function openServer(databaseUrl: string): Promise<Database> {
  const pool = new pg.Pool({ ...parseUrl(databaseUrl), ...POOL_LIMITS });
  // A connection that breaks while it is idle is dropped from the pool; the next statement makes a new one or says why not.
  pool.on('error', () => undefined);
  let closing: Promise<void> | undefined;
  const database: Database = {
    kind: 'server',
    query: async (sql, params = []) => (await ask(() => pool.query<Row>(sql, [...params]))).rows,
    script: async (sql) => {
      await ask(() => pool.query(sql));
    },
    [Symbol.asyncDispose]: () => (closing ??= pool.end()),
  };
  try {
    await database.query('select 1');
  } catch (error) {
    await pool.end();
    throw error;
  }
  return database;
}

const POOL_LIMITS = {
  /** One process conducts few runs, and each waits for its last statement. */
  max: 4,
  connectionTimeoutMillis: 5_000,
  /** Said by the server, so that it stops too. */
  statement_timeout: 10_000,
  lock_timeout: 5_000,
  /** Said by us, for a server that went away without a word. */
  query_timeout: 12_000,
  idleTimeoutMillis: 30_000,
  keepAlive: true,
  /** An idle connection does not keep the process alive. */
  allowExitOnIdle: true,
  application_name: 'burnbag',
} as const;

function parseUrl(databaseUrl: string): { connectionString: string } {
  // A server on a unix socket has no host in its address (`postgres://user@/name?host=/run/postgresql`), which URL alone does not take.
  const isAddress = /^postgres(ql)?:\/\//.test(databaseUrl) && URL.canParse(databaseUrl.replace('@/', '@localhost/'));
  // The text may hold a password: it is never repeated.
  if (!isAddress) throw new DatabaseError('bad_url', 'text that is no such address');
  return { connectionString: databaseUrl };
}

async function ask<T>(statement: () => Promise<T>): Promise<T> {
  try {
    return await statement();
  } catch (error) {
    throw translate(error);
  }
}

/** pg's errors, all of them: the server's carry a SQLSTATE, the system's an errno name, its own timeouts only words. */
function translate(error: unknown): DatabaseError {
  if (error instanceof pg.DatabaseError && error.code !== undefined)
    return new DatabaseError(error.code, error.message, { cause: error });
  // Several addresses of one host were tried: the first failure stands for them.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const message = first instanceof Error ? first.message : String(first);
  return new DatabaseError(/timeout/i.test(message) ? 'timeout' : 'unavailable', message, { cause: error });
}

/**
 * All the journal asks of a Postgres, embedded or a server. Each statement is a transaction of its own: a verb that changes two tables does it in
 * one statement, so there is no half-done work to undo and no open transaction to lose.
 */
export interface Database extends AsyncDisposable {
  readonly kind: 'embedded' | 'server';
  /** Runs one statement; resolves when its effect is on disk. Rejects with DatabaseError. */
  query(sql: string, params?: readonly SqlValue[]): Promise<readonly Row[]>;
  /** Runs several statements without parameters, all or none of them. */
  script(sql: string): Promise<void>;
}

export type SqlValue = string | number | null;
export type Row = Readonly<Record<string, unknown>>;

/** What went wrong in a database, with Postgres's own code (five characters, SQLSTATE) or one of ours where there was no Postgres to ask. */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError';
  readonly code: string;

  constructor(code: DatabaseFault | (string & {}), message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** No answer in time, a full disk, nobody there, an address that is none, files that are no database. */
export type DatabaseFault = 'timeout' | 'no_space' | 'unavailable' | 'bad_url' | 'unreadable';

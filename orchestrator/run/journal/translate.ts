import { type Database, DatabaseError } from './database.ts';
import { JournalError, type JournalErrorCode } from './error.ts';

/** A database whose errors are the journal's: everything a caller may see of Postgres is said here. */
export function translateErrors(database: Database): Database {
  return {
    kind: database.kind,
    query: (sql, params) => database.query(sql, params).catch(rethrow),
    script: (sql) => database.script(sql).catch(rethrow),
    [Symbol.asyncDispose]: () => Promise.resolve(database[Symbol.asyncDispose]()).catch(rethrow),
  };
}

/** Puts a database's fault in the journal's words. */
export function translateError(error: unknown): unknown {
  if (!(error instanceof DatabaseError)) return error;
  const code = CODES.find(({ prefix }) => error.code.startsWith(prefix))?.means ?? 'journal_refused';
  const said = {
    expected: EXPECTED[code].expected,
    got: `${error.message} (${error.code})`,
    hint: EXPECTED[code].hint,
  };
  return new JournalError(code, said, { cause: error });
}

/** First match wins. Five-character codes are Postgres's (appendix A of its manual), given by class or whole. */
const CODES: readonly { readonly prefix: string; readonly means: DatabaseTrouble }[] = [
  { prefix: 'timeout', means: 'journal_timeout' },
  { prefix: 'unavailable', means: 'journal_unavailable' },
  { prefix: 'no_space', means: 'journal_full' },
  { prefix: '53100', means: 'journal_full' },
  { prefix: 'unreadable', means: 'journal_unreadable' },
  { prefix: 'bad_url', means: 'bad_database_url' },
  { prefix: '57014', means: 'journal_timeout' },
  { prefix: '55P03', means: 'journal_timeout' },
  { prefix: '57', means: 'journal_unavailable' },
  { prefix: '58', means: 'journal_unavailable' },
  { prefix: '53', means: 'journal_unavailable' },
  { prefix: '08', means: 'journal_unavailable' },
  { prefix: '40', means: 'journal_unavailable' },
];

type DatabaseTrouble = Extract<
  JournalErrorCode,
  | 'journal_timeout'
  | 'journal_full'
  | 'journal_unavailable'
  | 'journal_unreadable'
  | 'bad_database_url'
  | 'journal_refused'
>;

const EXPECTED: { readonly [C in DatabaseTrouble]: { readonly expected: string; readonly hint: string } } = {
  journal_timeout: {
    expected: 'the journal’s database to answer in time',
    hint: 'look at its load and its disk, then try again',
  },
  journal_full: {
    expected: 'space on the journal’s disk',
    hint: 'free some, then try again: what was journalled before is kept',
  },
  journal_unavailable: {
    expected: 'the journal’s database to be there',
    hint: 'check that it runs and can be reached, then try again',
  },
  journal_unreadable: {
    expected: 'the files of the embedded journal to be a database',
    hint: 'keep the folder for analysis, move it away and start again: `burnbag doctor` finds what still runs',
  },
  bad_database_url: {
    expected: 'a database address like postgres://user@host/name',
    hint: 'correct it, or leave it out for the embedded journal',
  },
  journal_refused: {
    expected: 'the journal’s database to accept the statement',
    hint: 'check user, password, database name and rights',
  },
};

function rethrow(error: unknown): never {
  throw translateError(error);
}

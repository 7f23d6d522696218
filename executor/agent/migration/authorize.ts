import { constants } from 'node:sqlite';

/** What a statement wants to do, as SQLite asks its authorizer (sqlite3_set_authorizer): what, and up to two names. */
export type Authorizer = (what: number, first: string | null, second: string | null) => number;

/** Decides on every part of every statement while it is compiled: what is not in the lists is denied, so a new kind of statement is too. */
export const authorize: Authorizer = (what, first, second) => {
  if (what === constants.SQLITE_PRAGMA) return PRAGMAS.has((first ?? '').toLowerCase()) ? ALLOW : DENY;
  if (what === constants.SQLITE_FUNCTION) return FUNCTIONS_DENIED.has((second ?? '').toLowerCase()) ? DENY : ALLOW;
  return STATEMENTS.has(what) ? ALLOW : DENY;
};

const ALLOW = constants.SQLITE_OK;
const DENY = constants.SQLITE_DENY;

/**
 * Everything that changes the one database that is open. Not among them: ATTACH and DETACH, which open other files (VACUUM needs them too),
 * and virtual tables, whose modules read what they like and are the largest code there is to attack.
 */
const STATEMENTS: ReadonlySet<number> = new Set([
  constants.SQLITE_CREATE_INDEX,
  constants.SQLITE_CREATE_TABLE,
  constants.SQLITE_CREATE_TEMP_INDEX,
  constants.SQLITE_CREATE_TEMP_TABLE,
  constants.SQLITE_CREATE_TEMP_TRIGGER,
  constants.SQLITE_CREATE_TEMP_VIEW,
  constants.SQLITE_CREATE_TRIGGER,
  constants.SQLITE_CREATE_VIEW,
  constants.SQLITE_DELETE,
  constants.SQLITE_DROP_INDEX,
  constants.SQLITE_DROP_TABLE,
  constants.SQLITE_DROP_TEMP_INDEX,
  constants.SQLITE_DROP_TEMP_TABLE,
  constants.SQLITE_DROP_TEMP_TRIGGER,
  constants.SQLITE_DROP_TEMP_VIEW,
  constants.SQLITE_DROP_TRIGGER,
  constants.SQLITE_DROP_VIEW,
  constants.SQLITE_INSERT,
  constants.SQLITE_READ,
  constants.SQLITE_SELECT,
  constants.SQLITE_TRANSACTION,
  constants.SQLITE_UPDATE,
  constants.SQLITE_ALTER_TABLE,
  constants.SQLITE_REINDEX,
  constants.SQLITE_ANALYZE,
  constants.SQLITE_SAVEPOINT,
  constants.SQLITE_RECURSIVE,
]);

/** What a migration has a use for. Others change where SQLite writes, how much, or whom it trusts: journal_mode, writable_schema, and more. */
const PRAGMAS: ReadonlySet<string> = new Set([
  'application_id',
  'case_sensitive_like',
  'defer_foreign_keys',
  'foreign_key_check',
  'foreign_key_list',
  'foreign_keys',
  'index_info',
  'index_list',
  'index_xinfo',
  'integrity_check',
  'legacy_alter_table',
  'quick_check',
  'recursive_triggers',
  'table_info',
  'table_list',
  'table_xinfo',
  'user_version',
]);

/** The first loads code, the second takes a pointer from SQL. Both are switched off in other ways as well. */
const FUNCTIONS_DENIED: ReadonlySet<string> = new Set(['load_extension', 'fts3_tokenizer']);

import type { Row, SqlValue } from './database.ts';

/** What the journal asks its thread. `close` is answered when the files are closed. */
export type EmbeddedRequest =
  | { readonly id: number; readonly do: 'query'; readonly sql: string; readonly params: readonly SqlValue[] }
  | { readonly id: number; readonly do: 'script'; readonly sql: string }
  | { readonly id: number; readonly do: 'close' };

/** What the thread answers; id 0 answers the opening itself. */
export type EmbeddedAnswer =
  | { readonly id: number; readonly rows: readonly Row[] }
  | { readonly id: number; readonly error: { readonly code: string; readonly message: string } };

import * as z from 'zod';
import type { ConcreteId } from '../../../../infra/driver.ts';
import type { Database, Row } from '../database.ts';
import { Time } from '../row.ts';

/** A run's manifest of ids, in the order they were recorded. */
export async function listIds(database: Database, runId: string): Promise<readonly RecordedId[]> {
  return (await database.query(SQL, [runId])).map(parseId);
}

/** One id of the manifest; `gone` is absent until its absence was observed. */
export interface RecordedId extends ConcreteId {
  readonly recordedAt: string;
  readonly gone?: { readonly at: string; readonly means: string; readonly how?: string };
}

const SQL = `
  select kind, id, detail, recorded_at, gone_at, gone_how, gone_means
  from burnbag.ids where run_id = $1 order by seq`;

const IdRow = z.strictObject({
  kind: z.string(),
  id: z.string(),
  detail: z.record(z.string(), z.string()),
  recorded_at: Time,
  gone_at: Time.nullable(),
  gone_how: z.string().nullable(),
  gone_means: z.string().nullable(),
});

function parseId(row: Row): RecordedId {
  const { kind, id, detail, recorded_at: recordedAt, gone_at: at, gone_how: how, gone_means: means } = IdRow.parse(row);
  return {
    // recordId is the only writer, and its type is the closed union.
    kind: kind as ConcreteId['kind'],
    id,
    detail,
    recordedAt,
    ...(at !== null && means !== null && { gone: { at, means, ...(how !== null && { how }) } }),
  };
}

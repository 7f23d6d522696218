import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { layOut, trustOf, VECTORS } from '../../../test/support/vectors.ts';
import { OcsfSchema, problemsOf } from '../../../test/support/ocsf.ts';
import { exportBundle, type ExportFormat } from './export-bundle.ts';

type Event = Record<string, unknown> & { class_uid: number; activity_id: number; unmapped: Record<string, unknown> };

async function exported(dir: string, format: ExportFormat) {
  const lines: string[] = [];
  const found = await exportBundle(dir, { format, trust: (await trustOf()).trust, write: (line) => lines.push(line) });
  expect(found.lines).toBe(lines.length);
  return { found, lines: lines.map((line) => JSON.parse(line) as Event) };
}

let schema: OcsfSchema;
let events: readonly Event[];
beforeAll(async () => {
  schema = OcsfSchema.parse(JSON.parse(await readFile(join(VECTORS, 'ocsf-1.8.0.json'), 'utf8')));
  await using laid = await layOut();
  events = (await exported(laid.dir, 'ocsf')).lines;
});

describe('an OCSF export of a real bundle', () => {
  test('has events of every class, in the order of time', () => {
    expect(new Set(events.map((event) => event.class_uid))).toEqual(new Set([1007, 2004, 4001, 4007, 6002, 6003]));
    const times = events.map((event) => Number(event['time']));
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(Math.min(...times)).toBeGreaterThan(1_700_000_000_000);
  });

  test('follows the published schema: every required field, no unknown one, types and numbers as listed', () => {
    for (const event of events) expect(problemsOf(schema, event), JSON.stringify(event)).toEqual([]);
  });

  test('is found out by that schema when a field is missing, unknown or of another kind', () => {
    const [event] = events.filter((one) => one.class_uid === 6003);
    if (event === undefined) throw new Error('expected an API event');
    const { api } = event as Event & { api: object };
    const rest = Object.fromEntries(Object.entries(event).filter(([name]) => name !== 'api' && name !== 'actor'));
    expect(problemsOf(schema, rest)).toContain('event.api: required');
    expect(problemsOf(schema, rest)).toContain('event.actor: required');
    expect(problemsOf(schema, { ...event, verb: 1 })).toContain('event.verb: unknown');
    expect(problemsOf(schema, { ...event, api: { ...api, operation: 5 } })).toContain(
      'event.api.operation: expected string_t',
    );
    expect(problemsOf(schema, { ...event, activity_id: 7 })).toContain('event.activity_id: not one of the schema');
    expect(problemsOf(schema, { ...event, type_uid: 1 })).toContain('event.type_uid: not class and activity');
    expect(problemsOf(schema, { ...event, device: { type_id: 6 } })).toContain(
      'event.device: none of its alternatives',
    );
  });

  test('says of a connection that could not leave, and of a file that was refused, that they were denied', () => {
    const denied = events.filter((event) => event['action_id'] === 2);
    expect(denied.filter((event) => event.class_uid === 4001)).toMatchObject([
      { dst_endpoint: { ip: '198.51.100.7', port: 80 }, activity_id: 4 },
    ]);
    expect(denied.filter((event) => event.class_uid === 2004)).toMatchObject([
      { finding_info: { title: 'the sandbox refused openat of /etc/shadow' } },
    ]);
  });

  test('gives the same events each time', async () => {
    await using laid = await layOut();
    expect((await exported(laid.dir, 'ocsf')).lines).toEqual(events);
  });
});

test('an NDJSON export has every record of every stream, and says its redaction', async () => {
  await using laid = await layOut();
  const { lines, found } = await exported(laid.dir, 'ndjson');
  const manifest = JSON.parse(await readFile(join(laid.dir, 'manifest.json'), 'utf8')) as {
    streams: { stream: string; records: number }[];
  };
  for (const { stream, records } of manifest.streams)
    expect(lines.filter((line) => line['stream'] === stream).length, stream).toBe(records);
  expect(lines[0]).toMatchObject({
    schema: 'burnbag.records/1',
    verification: 'verified',
    redaction: { policy: found.redaction.policy },
  });
  expect(lines.at(-1)).toEqual({ schema: 'burnbag.records-end/1', redacted: found.redaction.taken });
});

test('evidence that was changed is not exported', async () => {
  await using laid = await layOut();
  await writeFile(join(laid.dir, 'console.log'), 'x');
  await expect(exported(laid.dir, 'ocsf')).rejects.toMatchObject({ code: 'not_sealed' });
});

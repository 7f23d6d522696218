import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { Configuration } from './configuration.ts';

/** One field of config.json: what the schema takes for granted, as JSON between backticks, or `required` or `none`. */
interface Field {
  readonly path: string;
  readonly preset: string;
}

/** Defaults that depend on the host or on another field, which the document says in words. */
const IN_WORDS = new Set(['engine', 'limits.runs', 'limits.memory_mib']);

const Node = z.looseObject({
  properties: z.record(z.string(), z.unknown()).optional(),
  required: z.array(z.string()).default([]),
  default: z.json().optional(),
});

function fieldsOf(schema: unknown, path: readonly string[] = [], isRequired = false): readonly Field[] {
  const { properties, required, default: preset } = Node.parse(schema);
  if (properties !== undefined)
    return Object.entries(properties).flatMap(([name, child]) =>
      fieldsOf(child, [...path, name], required.includes(name)),
    );
  const shown = preset === undefined ? undefined : `\`${JSON.stringify(preset)}\``;
  return [{ path: path.join('.'), preset: shown ?? (isRequired ? 'required' : 'none') }];
}

async function documented(): Promise<readonly Field[]> {
  const text = await readFile(join(import.meta.dirname, '../docs/configuration.md'), 'utf8');
  const rows = text.slice(0, text.indexOf('\nEnvironment')).matchAll(/^\| `([a-z_.]+)` +\| (.*?) +\| .+\|$/gm);
  return [...rows].map(([, path = '', preset = '']) => ({ path, preset }));
}

test('docs/configuration.md has every field of config.json, and no other, each with its default', async () => {
  const fields = fieldsOf(z.toJSONSchema(Configuration, { io: 'input' }));
  expect(fields.length).toBeGreaterThan(30);
  const rows = await documented();
  expect(rows.map(({ path }) => path).toSorted()).toEqual(fields.map(({ path }) => path).toSorted());
  const presets = (all: readonly Field[]) =>
    Object.fromEntries(all.filter(({ path }) => !IN_WORDS.has(path)).map(({ path, preset }) => [path, preset]));
  expect(presets(rows)).toEqual(presets(fields));
});

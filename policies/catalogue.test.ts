import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import {
  ACTION_NAMES,
  FETCH_MAX_BYTES,
  FILE_MAX_BYTES,
  PathRule,
  SCRIPT_MAX_SECONDS,
  TAIL_MAX_LINES,
  UnitName,
} from '../executor/protocol/index.ts';

const why = z.string().min(30).endsWith('.');
const atLeastOne = z.int().min(1);
const program = { path: z.string().startsWith('/'), arguments: z.array(z.string().min(1)) };
const row = z.strictObject({
  why,
  program: z.strictObject({ ...program, why }).optional(),
  units: z.array(z.strictObject({ unit: UnitName, program: z.strictObject(program), why })).optional(),
  paths: z.array(z.strictObject({ path: PathRule, why })),
  limits: z.strictObject({
    max_bytes: atLeastOne.max(FETCH_MAX_BYTES).optional(),
    max_seconds: atLeastOne.max(SCRIPT_MAX_SECONDS).optional(),
    max_lines: atLeastOne.max(TAIL_MAX_LINES).optional(),
    why,
  }),
});
const value = (min: number, max: number): z.ZodType => z.strictObject({ value: z.int().min(min).max(max), why });
const schema = z.strictObject({
  actions: z.strictObject(Object.fromEntries(ACTION_NAMES.map((name) => [name, row]))),
  scripts: z.strictObject({
    memory_percent: value(1, 90),
    pids: value(16, 4096),
    cpu_weight: value(1, 100),
    environment: z.array(z.strictObject({ name: z.string().regex(/^[A-Z]+$/), value: z.string().min(1), why })),
  }),
});

const text = readFileSync(join(import.meta.dirname, 'catalogue.json'), 'utf8');

describe('catalogue.json', () => {
  it('has one row for every action, and a reason for everything it allows', () => {
    const parsed = schema.safeParse(JSON.parse(text));
    expect(parsed.error?.issues).toBeUndefined();
  });

  it('opens no folder in which the machine keeps its own evidence, secrets or devices', () => {
    const { actions } = JSON.parse(text) as { actions: Record<string, { paths: { path: string }[] }> };
    const paths = Object.values(actions).flatMap((entry) => entry.paths.map(({ path }) => path));
    for (const closed of ['/', '/run/', '/proc/', '/sys/', '/dev/', '/root/', '/var/', '/usr/'])
      expect(paths).not.toContain(closed);
    expect(FILE_MAX_BYTES).toBeLessThanOrEqual(FETCH_MAX_BYTES);
  });
});

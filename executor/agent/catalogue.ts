import * as z from 'zod';
import rows from '../../policies/catalogue.json' with { type: 'json' };
import { PathRule, type ActionName } from '../protocol/index.ts';

const why = z.string().min(20);
const positive = z.int().min(1);

const Row = z.strictObject({
  why,
  paths: z.array(z.strictObject({ path: PathRule, why })),
  limits: z.strictObject({
    max_bytes: positive.optional(),
    max_seconds: positive.optional(),
    max_lines: positive.optional(),
    why,
  }),
});

/** What a script runs under, beside its user and its folder. */
const Confinement = z.strictObject({
  /** Share of the machine's memory, in percent. */
  memory_percent: z.strictObject({ value: z.int().min(1).max(90), why }),
  pids: z.strictObject({ value: z.int().min(16).max(4096), why }),
  /** As cgroup v2's cpu.weight; everything else on the machine has 100. */
  cpu_weight: z.strictObject({ value: z.int().min(1).max(100), why }),
  environment: z.array(z.strictObject({ name: z.string(), value: z.string(), why })),
});

const Catalogue = z.strictObject({
  actions: z.strictObject({
    put_file: Row,
    run_script: Row,
    list_files: Row,
    get_file: Row,
    read_file: Row,
    tail_log: Row,
    check_health: Row,
    list_processes: Row,
  } satisfies Record<ActionName, typeof Row>),
  scripts: Confinement,
});
export type Catalogue = z.infer<typeof Catalogue>;
export type Confinement = z.infer<typeof Confinement>;

/** The catalogue as it was built in: what no grant can go beyond. Throws when the data is not as the schema has it. */
export function loadCatalogue(): Catalogue {
  return Catalogue.parse(rows);
}

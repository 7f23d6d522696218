import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as z from 'zod';
import {
  CUSTODY_ACTS,
  EXPORT_FORMATS,
  exportBundle,
  holdRun,
  readCustody,
  readSpool,
  readTrustedKeys,
  recordCustody,
} from '../evidence/index.ts';
import { listBundles, type ListedBundle } from '../evidence/list-bundles.ts';
import { OwedEvidence } from '../run/reap/report.ts';
import { operation } from './operation.ts';
import { findRunFolder } from './verify.ts';

const Target = z.string().regex(/^[0-9a-f]{4,12}$/, 'expected 4 to 12 lowercase hex digits');

/** Lists the evidence of this data directory, newest first. */
export const evidenceLs = operation({
  name: 'evidence_ls',
  summary: 'list the evidence of this data directory',
  access: 'none',
  args: z.strictObject({}),
  result: z.strictObject({
    schema: z.literal('burnbag.evidence/1'),
    bundles: z.array(
      z.strictObject({
        run_id: z.string(),
        files: z.int(),
        bytes: z.int(),
        sealed_at: z.string().nullable(),
        /** Burned while its manifest could not be signed: it is sealed late. */
        unsealed: z.boolean(),
        completeness: z.string().nullable(),
        archived: z.boolean(),
        /** Owed to the archive: none, or not all of it, lies there. */
        pending: z.boolean(),
        /** `rehearsal` and below can be deleted before its time; null where nothing is archived. */
        lock: z.enum(['strict', 'rehearsal', 'weak', 'none']).nullable(),
        burned: z.boolean(),
      }),
    ),
  }),
  async run(_, { environment: { home } }) {
    const owed = new Set((await readSpool(home)).map(({ run_id }) => run_id));
    const bundles = await listBundles(join(home, 'runs'));
    const isOwed = ({ run_id, sealed_at, archived, unsealed }: ListedBundle) =>
      owed.has(run_id) || unsealed || (sealed_at !== null && !archived);
    return {
      schema: 'burnbag.evidence/1' as const,
      bundles: bundles.map((one) => ({ ...one, pending: isOwed(one) })),
    };
  },
});

/** By which an export's file is known for what it holds: either has one JSON document a line. */
const EXTENSIONS = { ocsf: 'ocsf.ndjson', ndjson: 'ndjson' } as const;

/** Writes one run's evidence to a file in a form that other tools read, secrets taken out; the custody log keeps its digest. */
export const evidenceExport = operation({
  name: 'evidence_export',
  summary: 'export the evidence of a run as OCSF events or NDJSON records',
  access: 'none',
  args: z.strictObject({ run: Target, format: z.enum(EXPORT_FORMATS), out: z.string().min(1).optional() }),
  result: z.strictObject({
    schema: z.literal('burnbag.export/1'),
    run_id: z.string(),
    format: z.enum(EXPORT_FORMATS),
    file: z.string(),
    lines: z.int(),
    sha256: z.string(),
    verification: z.enum(['verified', 'self_consistent', 'refused']),
    redaction: z.strictObject({ policy: z.string(), taken: z.record(z.string(), z.int()) }),
  }),
  async run({ run, format, out }, { environment: { home, requester } }) {
    const folder = await findRunFolder(run, home);
    const trust = await readTrustedKeys(home);
    const file = out ?? join(home, 'exports', `${folder.slice(-12)}.${EXTENSIONS[format]}`);
    const lines: string[] = [];
    const found = await exportBundle(folder, { format, trust, write: (line) => lines.push(`${line}\n`) });
    const text = lines.join('');
    const sha256 = createHash('sha256').update(text).digest('hex');
    const { runId: run_id, evidenceRoot: evidence_root, verification, redaction } = found;
    const detail = `${format}, ${found.lines} lines, ${redaction.policy}`;
    await recordCustody(home, { who: requester, act: 'exported', run_id, evidence_root, sha256, detail });
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(file, text, { mode: 0o600, flush: true });
    const { lines: count } = found;
    return { schema: 'burnbag.export/1' as const, run_id, format, file, lines: count, sha256, verification, redaction };
  },
});

/** Puts what is owed to the archive under lock: one run's, or whatever is owed. */
export const evidenceArchive = operation({
  name: 'evidence_archive',
  summary: 'put evidence under lock that the archive did not take when its run ended',
  access: 'conducting',
  args: z.strictObject({ run: Target.optional() }),
  result: z.strictObject({
    schema: z.literal('burnbag.archived/1'),
    evidence: z.array(OwedEvidence),
  }),
  async run({ run }, { environment: { home }, open: openHome, signal }) {
    const only = run === undefined ? undefined : [(await findRunFolder(run, home)).slice(-12)];
    const orchestrator = await openHome();
    const evidence = await orchestrator.archive({ impatient: true, ...(only !== undefined && { only }) }, signal);
    return { schema: 'burnbag.archived/1' as const, evidence: [...evidence] };
  },
});

/** Puts a legal hold on a run's objects in the archive, or takes it off; recorded before it is done. */
export const evidenceHold = operation({
  name: 'evidence_hold',
  summary: 'hold a run’s evidence in the archive beyond its retention, or release it',
  access: 'conducting',
  args: z.strictObject({ run: Target, release: z.boolean() }),
  result: z.strictObject({
    schema: z.literal('burnbag.hold/1'),
    run_id: z.string(),
    held: z.boolean(),
    objects: z.array(z.strictObject({ name: z.string(), version_id: z.string(), held: z.boolean() })),
  }),
  async run({ run, release }, { environment: { home, requester }, open: openHome }) {
    const folder = await findRunFolder(run, home);
    const { deps } = await openHome();
    const { archive } = await deps.vault.open();
    const run_id = folder.slice(-12);
    const act = release ? 'released' : 'held';
    const detail = `legal hold at ${archive.endpoint}, bucket ${archive.bucket}`;
    await recordCustody(home, { who: requester, act, run_id, evidence_root: null, sha256: null, detail });
    const objects = await holdRun(folder, archive, !release);
    return { schema: 'burnbag.hold/1' as const, run_id, held: !release, objects: [...objects] };
  },
});

/** Shows the custody log, of one run or of all, and whether its chain holds. */
export const evidenceCustody = operation({
  name: 'evidence_custody',
  summary: 'show who read, verified, exported or held evidence',
  access: 'none',
  args: z.strictObject({ run: Target.optional() }),
  result: z.strictObject({
    schema: z.literal('burnbag.custody/1'),
    entries: z.array(
      z.strictObject({
        version: z.literal(1),
        seq: z.int(),
        at: z.string(),
        prev: z.string(),
        who: z.string(),
        act: z.enum(CUSTODY_ACTS),
        run_id: z.string(),
        evidence_root: z.string().nullable(),
        sha256: z.string().nullable(),
        detail: z.string(),
      }),
    ),
    head: z.string(),
    problem: z.string().nullable(),
  }),
  async run({ run }, { environment }) {
    const { entries, head, problem } = await readCustody(environment.home);
    const wanted = entries.filter(({ run_id }) => run === undefined || run_id.startsWith(run));
    return { schema: 'burnbag.custody/1' as const, entries: wanted, head, problem };
  },
});

import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import * as z from 'zod';
import { loadConfiguration } from '../configuration.ts';
import { explain, RequestError } from '../errors.ts';
import {
  type Certificate,
  CHECKS,
  type CheckCode,
  NOBODY,
  readAuthorities,
  readKeyFile,
  readTrustedKeys,
  recordCustody,
  reportOf,
  verifyBundle,
} from '../evidence/index.ts';
import { operation } from './operation.ts';

const CODES = Object.keys(CHECKS) as [CheckCode, ...CheckCode[]];
const Check = z.strictObject({
  code: z.enum(CODES),
  what: z.string(),
  status: z.enum(['ok', 'failed', 'not_checked', 'not_asked', 'skipped']),
  detail: z.string(),
});

/** Checks a bundle offline: needs the folder and the signer's public keys, nothing else. */
export const verify = operation({
  name: 'verify',
  summary: 'check a bundle offline: signatures, digests, chain, archive record, receipt',
  access: 'none',
  args: z.strictObject({
    /** A run id (or the start of one) of this data directory, or a bundle's folder. */
    target: z.string().min(1),
    /** PEM files with the public keys to trust, instead of this data directory's. */
    evidence_key: z.string().optional(),
    receipt_key: z.string().optional(),
    /** PEM file with certificates of the timestamp authorities to trust, instead of the configured one. */
    tsa_ca: z.string().optional(),
  }),
  result: z.strictObject({
    schema: z.literal('burnbag.verification/1'),
    folder: z.string(),
    verdict: z.enum(['verified', 'self_consistent', 'refused']),
    first_failure: Check.nullable(),
    completeness: z.enum(['complete', 'gaps', 'unknown']).nullable(),
    bytes: z.int(),
    duration_ms: z.int(),
    checks: z.array(Check),
  }),
  async run({ target, evidence_key: evidenceKey, receipt_key: receiptKey, tsa_ca: tsaCa }, { environment, observe }) {
    const folder = await findFolder(target, environment.home);
    const known =
      evidenceKey === undefined || receiptKey === undefined ? await readTrustedKeys(environment.home) : NOBODY;
    const trust = {
      evidence: evidenceKey === undefined ? known.evidence : await readKeyFile(evidenceKey),
      receipt: receiptKey === undefined ? known.receipt : await readKeyFile(receiptKey),
    };
    const authorities = await findAuthorities(tsaCa, environment.home);
    const found = await verifyBundle(folder, { trust, authorities });
    const runId = basename(folder);
    // Of a folder that somebody brought along, the log has nothing to say.
    if (dirname(resolve(folder)) === join(environment.home, 'runs')) {
      const entry = { who: environment.requester, act: 'verified', run_id: runId, sha256: null } as const;
      const rest = { evidence_root: found.evidenceRoot ?? null, detail: found.verdict };
      await recordCustody(environment.home, { ...entry, ...rest }).catch((error: unknown) => {
        observe({ type: 'notice', runId, text: `not in the custody log: ${explain(error).got}` });
      });
    }
    const report = reportOf(folder, found);
    return { ...report, checks: [...report.checks] };
  },
});

/** Those of a file, else those this data directory is configured with. A configuration that cannot be read keeps nobody from verifying: the list then says that no CA was given. */
async function findAuthorities(file: string | undefined, home: string): Promise<readonly Certificate[]> {
  if (file !== undefined) return readAuthorities(file);
  const { timestamp } = await loadConfiguration(home).catch(() => ({ timestamp: undefined }));
  return timestamp === undefined ? [] : readAuthorities(resolve(home, timestamp.ca_file));
}

/** The folder of a run of this data directory, by the start of its id. */
export async function findRunFolder(run: string, home: string): Promise<string> {
  const folder = await findFolder(run, home);
  if (dirname(folder) === join(home, 'runs')) return folder;
  throw noBundle('a run of this data directory', run, 'burnbag evidence ls lists what is there');
}

/** A run's folder by the start of its id, else the path as given. */
async function findFolder(target: string, home: string): Promise<string> {
  if (/^[0-9a-f]{4,12}$/.test(target)) {
    const matches = (await readNames(join(home, 'runs'))).filter((name) => name.startsWith(target));
    if (matches.length === 1) return join(home, 'runs', matches[0] ?? '');
    if (matches.length > 1)
      throw noBundle(
        `one run that begins with ${target}`,
        `${matches.length}: ${matches.join(', ')}`,
        'give more digits',
      );
  }
  const isFolder = await stat(target).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (isFolder) return target;
  throw noBundle('a run id of this data directory, or the folder of a bundle', target, 'burnbag runs lists the runs');
}

function readNames(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}

function noBundle(expected: string, got: string, hint: string): RequestError {
  return new RequestError('no_evidence', { expected, got, hint });
}

import { createHash } from 'node:crypto';
import { copyFile, open } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson } from '../../executor/protocol/index.ts';
import { syncFolder, writeDurably } from './durable.ts';
import { EvidenceError } from './errors.ts';
import { listFolder } from './folder.ts';
import { type KnownId, Manifest, RunFacts, type ArchiveFacts, type StreamEnding } from './format/manifest.ts';
import { merkleRoot } from './format/merkle.ts';
import { isFileName, RESERVED_NAMES, SEAL_FILES } from './format/names.ts';
import { readShape, requireShape } from './format/shape.ts';
import { evidenceStatement } from './format/statement.ts';
import { STREAMS, type StreamName } from './format/streams.ts';
import { weigh } from './format/findings.ts';
import { readSeal, type Seal } from './read-seal.ts';
import { signStatement } from './keys/sign-statement.ts';
import type { Signer } from './keys/signer.ts';
import { readBundle } from './witness/read-bundle.ts';

/** What is sealed. Every file that lies in `dir` belongs to the evidence, besides what is copied and written here. */
export interface SealRequest {
  /** runs/<run_id>/: made by the caller, kept for good. */
  readonly dir: string;
  readonly run: RunFacts;
  readonly streams: readonly CollectedStream[];
  /** Every concrete id on record: the receipt must prove each of them gone. */
  readonly ids: readonly KnownId[];
  /** Written as they are, e.g. run.json, report.json. */
  readonly files?: readonly { readonly name: string; readonly content: string | Buffer }[];
  /** The archive it will go to, if its probe is known. */
  readonly archive: ArchiveFacts | null;
  readonly signer: Signer;
  readonly now?: Date;
}

/** One stream and why it ended. `source` is copied in under the stream's own name; without it the file is in `dir` already. */
export interface CollectedStream {
  readonly stream: StreamName;
  readonly source?: string | undefined;
  readonly ended: StreamEnding;
}

/**
 * Collects, judges, and signs the evidence of one run. Safe to call again: an unfinished seal is made anew, a finished one is
 * returned as it is and never replaced. A stream that cannot be read does not stop it: the manifest says `lost`.
 */
export async function sealRun(request: SealRequest): Promise<Seal> {
  const run = parseFacts(request.run);
  const sealed = await readSeal(request.dir, request.signer.publicKey);
  if (sealed !== undefined) return requireSameRun(sealed, run);
  const endings = await collectStreams(request);
  await writeExtras(request);
  const manifest = await describe(request, run, endings);
  return signManifest(request.dir, request.signer, manifest);
}

function parseFacts(run: RunFacts): RunFacts {
  const read = readShape(RunFacts, run);
  if ('value' in read) return read.value;
  throw new EvidenceError('bad_facts', {
    expected: 'the facts of a run as docs/evidence-format.md has them',
    got: read.problem,
    hint: 'this is a defect of whoever seals',
  });
}

function requireSameRun(seal: Seal, run: RunFacts): Seal {
  if (seal.manifest.run.run_id === run.run_id) return seal;
  throw new EvidenceError('other_run', {
    expected: `the evidence of run ${run.run_id}`,
    got: `a sealed bundle of run ${seal.manifest.run.run_id}`,
    hint: 'the folder belongs to another run; look at who wrote it',
  });
}

/** Copies each stream in; what cannot be had is noted as lost, and the seal goes on. */
async function collectStreams({ dir, streams }: SealRequest): Promise<Map<StreamName, StreamEnding>> {
  const endings = new Map<StreamName, StreamEnding>();
  for (const { stream, source, ended } of streams) {
    endings.set(stream, await collectStream(join(dir, STREAMS[stream].file), source, ended));
  }
  return endings;
}

async function collectStream(file: string, source: string | undefined, ended: StreamEnding): Promise<StreamEnding> {
  if (ended.how === 'never_opened') return ended;
  try {
    if (source !== undefined) await copyFile(source, file);
    await using handle = await open(file);
    await handle.sync();
    return ended;
  } catch (error) {
    // The code alone: a message would carry this machine's paths into the evidence.
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    return { how: 'lost', at: ended.at, detail: `could not be collected: ${code}` };
  }
}

async function writeExtras({ dir, files = [] }: SealRequest): Promise<void> {
  for (const { name, content } of files) {
    if (!isFileName(name) || RESERVED_NAMES.has(name)) {
      const said = {
        expected: 'a flat name that the seal does not use',
        got: JSON.stringify(name),
        hint: 'choose another name',
      };
      throw new EvidenceError('bad_name', said);
    }
    await writeDurably(join(dir, name), content);
  }
}

async function describe(
  request: SealRequest,
  run: RunFacts,
  endings: Map<StreamName, StreamEnding>,
): Promise<Manifest> {
  const { names, problem } = await listFolder(request.dir);
  if (problem !== undefined) {
    throw new EvidenceError(problem.code, {
      ...problem,
      hint: 'only evidence may lie in a run’s folder; move the rest away and seal again',
    });
  }
  const reading = await readBundle(
    request.dir,
    names.filter((name) => !RESERVED_NAMES.has(name)),
    run.run_id,
  );
  const { streams, findings, clock } = reading.judge(endings);
  // Read once more: what is signed must be what a verifier will accept.
  return requireShape(Manifest, {
    version: 1,
    run,
    sealed_at: (request.now ?? new Date()).toISOString(),
    files: reading.files,
    merkle_root: merkleRoot(reading.files),
    ids: request.ids.map(({ kind, id }) => ({ kind, id })),
    streams,
    clock,
    verdict: weigh(findings),
    findings,
    archive: request.archive,
  });
}

/**
 * Writes the manifest, then what is signed about it; the envelope comes last, and without it nothing is sealed. A signer that is down leaves the manifest:
 * sealing begins anew, or, where the run is burned meanwhile, seal-late.ts signs what was listed then.
 */
export async function signManifest(dir: string, signer: Signer, manifest: Manifest): Promise<Seal> {
  const text = canonicalJson(manifest);
  const evidenceRoot = createHash('sha256').update(text).digest('hex');
  await writeDurably(join(dir, SEAL_FILES.manifest), text);
  const signed = await signStatement(evidenceStatement(manifest, evidenceRoot), signer);
  await writeDurably(join(dir, SEAL_FILES.statement), signed.statement);
  await writeDurably(join(dir, SEAL_FILES.key), signer.publicKey.pem);
  await writeDurably(join(dir, SEAL_FILES.envelope), signed.envelope);
  await syncFolder(dir);
  return { manifest, evidenceRoot, keyId: signer.publicKey.keyId };
}

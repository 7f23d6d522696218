import { createHash } from 'node:crypto';
import { canonicalJson } from '../../../executor/protocol/canonical.ts';
import { Manifest } from '../format/manifest.ts';
import { merkleRoot } from '../format/merkle.ts';
import { byName, RESERVED_NAMES, SEAL_FILES } from '../format/names.ts';
import { evidenceStatement } from '../format/statement.ts';
import { weigh } from '../format/findings.ts';
import { readCanonical } from '../read-canonical.ts';
import { type BundleReading, readBundle } from '../witness/read-bundle.ts';
import { CheckFailed, type Shown } from './check-list.ts';
import { type ControlFiles, fileOf } from './control-files.ts';

export function checkManifest(files: ControlFiles): Shown<Manifest> {
  const read = readCanonical(fileOf(files, SEAL_FILES.manifest), Manifest);
  if ('problem' in read)
    throw new CheckFailed(`${SEAL_FILES.manifest} to be a manifest in canonical JSON`, read.problem);
  return [read.value, `run ${read.value.run.run_id}, sealed ${read.value.sealed_at}`];
}

/** The statement follows from the manifest: it is made anew and must be, to the byte, what is signed and what lies in the file. */
export function checkStatement(files: ControlFiles, manifest: Manifest, payload: Buffer): Shown<string> {
  const root = createHash('sha256').update(fileOf(files, SEAL_FILES.manifest)).digest('hex');
  const expected = Buffer.from(canonicalJson(evidenceStatement(manifest, root)));
  if (!payload.equals(expected))
    throw new CheckFailed(`a signature over ${SEAL_FILES.manifest} (sha256 ${root})`, 'one over something else');
  if (!fileOf(files, SEAL_FILES.statement).equals(expected))
    throw new CheckFailed(`${SEAL_FILES.statement} to be what is signed`, 'something else');
  return [root, `evidence root ${root}`];
}

/** Neither a file too many nor one too few, and the list in its one order. */
export function checkFileList(manifest: Manifest, names: readonly string[]): Shown<undefined> {
  const listed = manifest.files.map(({ name }) => name);
  const [unsorted] = listed.filter((name, index) => index > 0 && byName(listed[index - 1] ?? '', name) >= 0);
  if (unsorted !== undefined)
    throw new CheckFailed('the list in the order of names, each once', JSON.stringify(unsorted));
  const [reserved] = listed.filter((name) => RESERVED_NAMES.has(name));
  if (reserved !== undefined) throw new CheckFailed('only evidence in the list', reserved);
  const known = new Set(listed);
  const [unlisted] = names.filter((name) => !known.has(name) && !RESERVED_NAMES.has(name));
  if (unlisted !== undefined) throw new CheckFailed('only listed files', unlisted);
  const present = new Set(names);
  const [missing] = listed.filter((name) => !present.has(name));
  if (missing !== undefined) throw new CheckFailed(missing, 'no such file');
  return [undefined, `${listed.length} files of evidence`];
}

/** Reads every file once and compares it with the list. How many bytes were read is told whatever comes of it. */
export async function checkFiles(
  dir: string,
  manifest: Manifest,
  onRead: (bytes: number) => void,
): Promise<Shown<BundleReading>> {
  const names = manifest.files.map(({ name }) => name);
  const reading = await readBundle(dir, names, manifest.run.run_id);
  const read = reading.files.reduce((sum, { bytes }) => sum + bytes, 0);
  onRead(read);
  for (const [index, listed] of manifest.files.entries()) {
    const found = reading.files[index];
    if (found?.bytes !== listed.bytes)
      throw new CheckFailed(`${listed.name} to have ${listed.bytes} bytes`, String(found?.bytes));
    if (found.sha256 !== listed.sha256)
      throw new CheckFailed(`${listed.name} to have sha256 ${listed.sha256}`, found.sha256);
  }
  return [reading, `${read} bytes`];
}

export function checkMerkleRoot(manifest: Manifest): Shown<undefined> {
  const root = merkleRoot(manifest.files);
  if (root !== manifest.merkle_root) throw new CheckFailed(`Merkle root ${manifest.merkle_root}`, root);
  return [undefined, root];
}

/** Streams, chain and findings are computed anew: whoever sealed cannot have called evidence complete that is not. */
export function checkVerdict(manifest: Manifest, reading: BundleReading): Shown<undefined> {
  const { streams, findings, clock } = reading.judge(
    new Map(manifest.streams.map(({ stream, ended }) => [stream, ended])),
  );
  for (const [index, entry] of streams.entries()) {
    const stated = manifest.streams[index];
    if (canonicalJson(entry) !== canonicalJson(stated ?? null))
      throw new CheckFailed(`stream ${entry.stream} as the manifest counts it`, canonicalJson(entry));
  }
  if (streams.length !== manifest.streams.length)
    throw new CheckFailed(`${manifest.streams.length} streams`, String(streams.length));
  if (canonicalJson(findings) !== canonicalJson(manifest.findings)) {
    throw new CheckFailed(
      `${manifest.findings.length} findings as the manifest has them`,
      `${findings.length}: ${findings.map(({ code }) => code).join(', ')}`,
    );
  }
  if (canonicalJson(clock) !== canonicalJson(manifest.clock))
    throw new CheckFailed('clocks as the manifest has them', canonicalJson(clock));
  if (weigh(findings) !== manifest.verdict) throw new CheckFailed(`verdict ${manifest.verdict}`, weigh(findings));
  const records = streams.find(({ stream }) => stream === 'executor')?.records ?? 0;
  const why =
    findings.length === 0
      ? ''
      : ` (${[...new Set(findings.map(({ code, stream }) => `${code}: ${stream}`))].join(', ')})`;
  return [undefined, `evidence ${manifest.verdict}${why}; ${records} executor records`];
}

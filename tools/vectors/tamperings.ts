import { canonicalJson } from '../../executor/protocol/index.ts';
import {
  ARCHIVE_FILE,
  type ArchiveRecord,
  BURN_FILE,
  type CheckCode,
  LATE_FILE,
  RECEIPT_FILES,
  type Signer,
  TIMESTAMP_FILE,
} from '../../orchestrator/evidence/index.ts';
import { type LateArchive, lateArchiveStatement } from '../../orchestrator/evidence/format/late-archive.ts';
import { receiptStatement } from '../../orchestrator/evidence/format/receipt.ts';
import type { VectorCase } from '../../test/support/vectors.ts';
import { signStatement } from '../../orchestrator/evidence/keys/sign-statement.ts';
import { type Bundle, type Kit, sha256 } from './kit.ts';

/** One way to change the bundle, and the first check that must fail. */
interface Tampering {
  readonly name: string;
  readonly why: string;
  readonly expect: VectorCase['expect'];
  /** Whose keys the verifier is given; everybody's unless said. */
  readonly trusted?: VectorCase['trusted'];
  readonly change: (kit: Kit) => Change | Promise<Change>;
}

type Change = Omit<VectorCase, 'name' | 'why' | 'expect' | 'trusted' | 'replaced'> & { readonly files?: Bundle };

/** At least one for every check, in the order of the checks. */
export const TAMPERINGS: readonly Tampering[] = [
  { name: 'untouched', why: 'the bundle as it was made', expect: good('verified'), change: () => ({}) },
  {
    name: 'nobody-trusted',
    why: 'the keys in a bundle say nothing about who made it',
    expect: good('self_consistent'),
    trusted: [],
    change: () => ({}),
  },
  {
    name: 'no-authority-trusted',
    why: 'a timestamp by an authority that nobody vouches for adds nothing, and takes nothing away',
    expect: good('verified'),
    trusted: ['evidence', 'receipt'],
    change: () => ({}),
  },
  refused('odd-name', 'folder', 'a name that could hide', () => ({ added: { 'SSHD.LOG': 'x' } })),
  refused('hidden-name', 'folder', 'a name that does hide', () => ({ added: { '.sshd.log': 'x' } })),
  refused('symbolic-link', 'folder', 'a link in place of a file', () => ({ symlinks: { 'sshd.log': 'console.log' } })),
  refused('second-name', 'folder', 'somebody else can still write to a file with a second name', () => ({
    hard_links: { 'sshd-2.log': 'sshd.log' },
  })),
  refused('inner-folder', 'folder', 'a bundle is flat', () => ({ folders: ['more'] })),
  refused('no-manifest', 'seal_files', 'nothing says what was there', () => ({ removed: ['manifest.json'] })),
  refused('key-with-other-line-ends', 'evidence_key', 'one key, one form', (kit) => ({
    files: edit(kit, 'evidence.pub', (text) => text.replaceAll('\n', '\r\n')),
  })),
  refused('signature-of-something-else', 'evidence_signature', 'the receipt’s signature under the evidence', (kit) => ({
    files: edit(kit, 'envelope.dsse.json', (text) =>
      text.replace(signatureIn(text), signatureIn(textOf(kit, 'receipt.dsse.json'))),
    ),
  })),
  refused(
    'sealed-by-another',
    'evidence_signer',
    'whoever can write can also sign, with a key of their own',
    async (kit) => ({
      files: await kit.seal(kit.manifest, kit.strangers.evidence),
    }),
  ),
  refused('duplicate-key', 'manifest', 'two parsers would read two manifests', (kit) => ({
    files: edit(kit, 'manifest.json', (text) => text.replace('"version":1', '"verdict":"gaps","version":1')),
  })),
  refused('other-manifest', 'statement', 'canonical and plausible, and not what was signed', (kit) => ({
    files: edit(kit, 'manifest.json', (text) => text.replace('"outcome":"succeeded"', '"outcome":"failed"')),
  })),
  refused('unlisted-file', 'file_list', 'what is not listed was not sealed', () => ({ added: { 'notes.txt': 'x' } })),
  refused('missing-file', 'file_list', 'what is listed must be there', () => ({ removed: ['console.log'] })),
  refused('one-byte', 'file_digests', 'one byte of the audit log', (kit) => ({
    files: edit(kit, 'audit.log', (text) => text.replace('success=no', 'success=No')),
  })),
  refused('wrong-root', 'merkle_root', 'signed, and yet it does not follow from the list', async (kit) => ({
    files: await kit.seal({ ...kit.manifest, merkle_root: kit.manifest.files[0]?.sha256 ?? '' }),
  })),
  refused('record-cut-out', 'verdict', 'the sealer itself dropped a record and calls it complete', async (kit) => {
    const changed = edit(kit, 'executor.ndjson', (text) => text.split('\n').toSpliced(3, 1).join('\n'));
    return { files: new Map([...changed, ...(await kit.seal(kit.relist(changed)))]) };
  }),
  refused('shorter-lock', 'archive_record', 'an object that is not locked as long as was asked', (kit) => ({
    files: edit(kit, 'archive.json', (text) => {
      const record = JSON.parse(text) as ArchiveRecord;
      const [first, ...others] = record.objects;
      if (first === undefined) throw new Error('expected objects in archive.json');
      const lock = { ...first.lock, retain_until: '2020-01-01T00:00:00.000Z' };
      return canonicalJson({ ...record, objects: [{ ...first, lock }, ...others] });
    }),
  })),
  refused('no-receipt', 'receipt_files', 'nothing shows that the sandbox is gone', () => ({
    removed: ['receipt.json', 'receipt.dsse.json', 'receipt.pub'],
  })),
  refused('receipt-by-the-sealer', 'receipt_key', 'one stolen key must not be enough', async (kit) => ({
    files: await kit.sign(kit.receipt, kit.own.evidence),
  })),
  refused(
    'receipt-with-another-signature',
    'receipt_signature',
    'the evidence’s signature under the receipt',
    (kit) => ({
      files: edit(kit, 'receipt.dsse.json', (text) =>
        text.replace(signatureIn(text), signatureIn(textOf(kit, 'envelope.dsse.json'))),
      ),
    }),
  ),
  refused('receipt-by-another', 'receipt_signer', 'a receipt that anybody could have written', async (kit) => ({
    files: await kit.sign(kit.receipt, kit.strangers.receipt),
  })),
  refused('receipt-of-other-ids', 'receipt_statement', 'its subject is not the list of its ids', async (kit) => {
    const { subject, ...statement } = receiptStatement(kit.receipt);
    const [ids, ...others] = subject;
    if (ids === undefined) throw new Error('expected a subject');
    const wrong = { ...ids, digest: { sha256: '0'.repeat(64) } };
    return { files: await kit.signStatement({ ...statement, subject: [wrong, ...others] }) };
  }),
  refused('receipt-of-another-run', 'receipt_binding', 'a true receipt, of something else', async (kit) => ({
    files: await kit.sign({ ...kit.receipt, run_id: '000000000001' }),
  })),
  refused('no-archive-record', 'receipt_binding', 'the receipt was signed with one', () => ({
    removed: ['archive.json'],
  })),
  refused('looked-once', 'absence', 'two looks at the same moment are one', async (kit) => ({
    files: await kit.sign({
      ...kit.receipt,
      ids: kit.receipt.ids.map((one) => ({
        ...one,
        absence: one.absence.map((look) => ({ ...look, at: one.absence[0]?.at ?? look.at })),
      })),
    }),
  })),
  refused('receipt-without-one-id', 'receipt_ids', 'whoever holds the receipt key leaves one out', async (kit) => ({
    files: await kit.sign({ ...kit.receipt, ids: kit.receipt.ids.slice(1) }),
  })),
  {
    name: 'no-timestamp-and-why',
    why: 'the authority was down when the run was sealed, and the receipt says so',
    expect: good('verified'),
    change: async (kit) => ({
      removed: [ARCHIVE_FILE, TIMESTAMP_FILE],
      files: await kit.sign({
        ...kit.receipt,
        archive_sha256: null,
        timestamp: { sha256: null, why: 'tsa_unreachable: connect ECONNREFUSED 127.0.0.1:9' },
      }),
    }),
  },
  refused('timestamp-taken-out', 'archive_record', 'it was archived with one', () => ({ removed: [TIMESTAMP_FILE] })),
  refused('timestamp-of-another-moment', 'receipt_binding', 'as true as the one there was, and later', async (kit) => ({
    removed: [ARCHIVE_FILE],
    files: new Map([
      ...(await kit.sign({ ...kit.receipt, archive_sha256: null })),
      [TIMESTAMP_FILE, await kit.stamp(kit.file('envelope.dsse.json'), 'own')],
    ]),
  })),
  refused(
    'timestamp-of-something-else',
    'timestamp',
    'whoever holds the receipt key puts in a true one, of the receipt',
    async (kit) => ({
      removed: [ARCHIVE_FILE],
      files: await stampedAnew(kit, await kit.stamp(kit.file('receipt.dsse.json'), 'own')),
    }),
  ),
  refused('timestamp-by-another', 'timestamp_authority', 'anybody can call themselves an authority', async (kit) => ({
    removed: [ARCHIVE_FILE],
    files: await stampedAnew(kit, await kit.stamp(kit.file('envelope.dsse.json'), 'strangers')),
  })),
  {
    name: 'sealed-late',
    why: 'the signer was down when the run was burned; the receipt says so, and has the manifest that was signed later',
    expect: good('verified'),
    change: async (kit) => ({
      removed: [ARCHIVE_FILE, TIMESTAMP_FILE],
      files: await kit.sign({ ...kit.receipt, archive_sha256: null, timestamp: undefined, seal: 'missing' }),
    }),
  },
  refused(
    'sealed-late-with-another-manifest',
    'receipt_binding',
    'what nobody signed in time cannot be another later',
    async (kit) => ({
      removed: [ARCHIVE_FILE, TIMESTAMP_FILE],
      files: new Map([
        ...(await kit.sign({ ...kit.receipt, archive_sha256: null, timestamp: undefined, seal: 'missing' })),
        ...(await kit.seal({ ...kit.manifest, sealed_at: '2026-01-01T00:00:00.000Z' })),
      ]),
    }),
  ),
  {
    name: 'archived-late',
    why: 'the store was down when the run was burned, and took everything later',
    expect: good('verified'),
    change: async (kit) => ({ removed: ['archive.json'], files: await archivedLate(kit, kit.own.evidence) }),
  },
  refused('archived-late-by-another', 'late_archive', 'signed, and not by who sealed it', async (kit) => ({
    removed: ['archive.json'],
    files: await archivedLate(kit, kit.strangers.evidence),
  })),
  refused('archived-twice', 'late_archive', 'what was archived in time cannot come late', async (kit) => {
    const late = (await archivedLate(kit, kit.own.evidence)).get(LATE_FILE);
    return { files: new Map(late === undefined ? [] : [[LATE_FILE, late]]) };
  }),
];

/** Another token, and a receipt that knows of it. */
async function stampedAnew(kit: Kit, token: Buffer): Promise<Bundle> {
  const timestamp = { sha256: sha256(token), why: null };
  return new Map([...(await kit.sign({ ...kit.receipt, archive_sha256: null, timestamp })), [TIMESTAMP_FILE, token]]);
}

/** A receipt that knows of no archive record, and the record that was signed after it. */
async function archivedLate(kit: Kit, signer: Signer): Promise<Bundle> {
  const burned = await kit.sign({ ...kit.receipt, archive_sha256: null });
  const record = JSON.parse(textOf(kit, ARCHIVE_FILE)) as ArchiveRecord;
  const others = [...burned, [BURN_FILE, kit.file(BURN_FILE)] as const];
  const [first] = record.objects;
  if (first === undefined) throw new Error('expected objects in archive.json');
  const objects = others.map(([name, bytes]) => {
    const key = first.key.replace(first.name, name);
    return { ...first, name, key, bytes: bytes.length, sha256: sha256(bytes) };
  });
  const receipt = burned.get(RECEIPT_FILES.statement) ?? '';
  const late: LateArchive = {
    version: 1,
    receipt_sha256: sha256(receipt),
    record: { ...record, objects: [...record.objects, ...objects] },
  };
  const { envelope } = await signStatement(lateArchiveStatement(late), signer);
  return new Map([...burned, [LATE_FILE, Buffer.from(envelope)]]);
}

function refused(name: string, check: CheckCode, why: string, change: Tampering['change']): Tampering {
  return { name, why, expect: { verdict: 'refused', first_failure: check }, change };
}

function good(verdict: 'verified' | 'self_consistent'): VectorCase['expect'] {
  return { verdict, first_failure: null };
}

/** One file with its text changed; a change that changes nothing is a mistake. */
function edit(kit: Kit, name: string, change: (text: string) => string): Bundle {
  const text = textOf(kit, name);
  const changed = change(text);
  if (changed === text) throw new Error(`expected ${name} to be changed`);
  return new Map([[name, Buffer.from(changed, 'latin1')]]);
}

function textOf(kit: Kit, name: string): string {
  return kit.file(name).toString('latin1');
}

function signatureIn(envelope: string): string {
  return /"sig":"([^"]+)"/.exec(envelope)?.[1] ?? '';
}

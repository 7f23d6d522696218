import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readAnswer, writeRequest } from '../../../orchestrator/evidence/stamp/request.ts';
import { openssl } from './openssl.ts';

/** A CA in a folder of its own, and timestamp authorities below it, all made and run by openssl. */
export interface TestAuthority extends AsyncDisposable {
  readonly folder: string;
  readonly caFile: string;
  readonly pem: string;
  /** Makes a certificate and its key. */
  issue(name: string, wanted?: Wanted): Promise<Signer>;
  /** Answers a query as a TSA does. */
  reply(query: Buffer, signer: Signer, how?: Reply): Promise<Buffer>;
  /** The token over these bytes. */
  stamp(stamped: Buffer, signer: Signer): Promise<Buffer>;
  /** Signs any content as a TSTInfo, whatever the certificate is for: what no honest authority does. */
  forge(info: Buffer, signer: Signer, how?: { isUnnamed?: boolean }): Promise<Buffer>;
  /** What openssl thinks of a token; rejects where it refuses it. */
  verify(token: Buffer, stamped: Buffer): Promise<void>;
}

export interface Reply {
  readonly digest?: string;
  /** Names the certificate by SHA-1, as the RFC had it first, and itself. */
  readonly isOlder?: boolean;
}

export interface Signer {
  readonly name: string;
}

export interface Wanted {
  readonly key?: 'rsa' | 'ec';
  /** Section of the configuration below. */
  readonly extensions?: 'tsa' | 'not_critical' | 'two_purposes' | 'no_purpose' | 'intermediate' | 'not_a_ca';
  readonly days?: number;
  /** By which its issuer signs it. */
  readonly digest?: string;
  /** Instead of the CA itself. */
  readonly by?: Signer;
}

export const TEST_POLICY = '1.3.6.1.4.1.99999.7';

const CONFIGURATION = `
[req]
distinguished_name = name
prompt = no
[name]
CN = unnamed
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
[intermediate]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign
[not_a_ca]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
[tsa]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
[not_critical]
keyUsage = critical,digitalSignature
extendedKeyUsage = timeStamping
[two_purposes]
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping,codeSigning
[no_purpose]
keyUsage = critical,digitalSignature
[authority]
serial = serial
default_policy = ${TEST_POLICY}
other_policies = 1.3.6.1.4.1.99999.8
digests = sha256
accuracy = secs:1
signer_digest = sha256
[older_authority]
serial = serial
default_policy = ${TEST_POLICY}
digests = sha256
signer_digest = sha256
ess_cert_id_alg = sha1
ordering = yes
tsa_name = yes
`;

export async function makeAuthority(name = 'Test CA'): Promise<TestAuthority> {
  const folder = await mkdtemp(join(tmpdir(), 'burnbag-tsa-'));
  await writeFile(join(folder, 'openssl.cnf'), CONFIGURATION);
  await writeFile(join(folder, 'serial'), '01\n');
  await makeKey(folder, 'ca', 'ec');
  const self = ['-x509', '-new', '-key', 'ca.key', '-subj', `/CN=${name}`, '-days', '30', '-extensions', 'ca'];
  await openssl(folder, 'req', ...self, '-config', 'openssl.cnf', '-out', 'ca.pem');
  return {
    folder,
    caFile: join(folder, 'ca.pem'),
    pem: await readFile(join(folder, 'ca.pem'), 'utf8'),
    issue: (signer, wanted) => issue(folder, signer, wanted),
    reply: (query, signer, how) => reply(folder, query, signer, how),
    stamp: async (stamped, signer) => {
      const answer = readAnswer(await reply(folder, writeRequest(stamped, { nonce: 1n }), signer));
      if ('token' in answer) return answer.token;
      throw new Error(`expected a token, got ${answer.refused}`);
    },
    forge: (info, signer, how) => forge(folder, info, signer, how),
    verify: (token, stamped) => verify(folder, token, stamped),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

async function makeKey(folder: string, name: string, kind: 'rsa' | 'ec'): Promise<void> {
  const how =
    kind === 'ec' ? ['EC', '-pkeyopt', 'ec_paramgen_curve:P-256'] : ['RSA', '-pkeyopt', 'rsa_keygen_bits:2048'];
  await openssl(folder, 'genpkey', '-algorithm', ...how, '-out', `${name}.key`);
}

async function issue(folder: string, name: string, wanted: Wanted = {}): Promise<Signer> {
  const { key = 'ec', extensions = 'tsa', days = 20, digest = 'sha256', by = { name: 'ca' } } = wanted;
  await makeKey(folder, name, key);
  await openssl(folder, 'req', '-new', '-key', `${name}.key`, '-subj', `/CN=Test ${name}`, '-out', `${name}.csr`);
  const issuer = [
    '-CA',
    `${by.name}.pem`,
    '-CAkey',
    `${by.name}.key`,
    '-CAcreateserial',
    '-days',
    String(days),
    `-${digest}`,
  ];
  const rest = ['-extfile', 'openssl.cnf', '-extensions', extensions, '-out', `${name}.pem`];
  await openssl(folder, 'x509', '-req', '-in', `${name}.csr`, ...issuer, ...rest);
  const above = by.name === 'ca' ? '' : await readFile(join(folder, `${by.name}.pem`), 'utf8');
  await writeFile(join(folder, `${name}.chain.pem`), above + (await readFile(join(folder, 'ca.pem'), 'utf8')));
  return { name };
}

let answers = 0;

async function reply(
  folder: string,
  query: Buffer,
  { name }: Signer,
  { digest = 'sha256', isOlder = false }: Reply = {},
): Promise<Buffer> {
  const file = `answer-${(answers += 1)}`;
  await writeFile(join(folder, `${file}.tsq`), query);
  const who = ['-signer', `${name}.pem`, '-inkey', `${name}.key`, '-chain', `${name}.chain.pem`, `-${digest}`];
  const rest = [
    '-config',
    'openssl.cnf',
    '-section',
    isOlder ? 'older_authority' : 'authority',
    '-queryfile',
    `${file}.tsq`,
    '-out',
    `${file}.tsr`,
  ];
  await openssl(folder, 'ts', '-reply', ...who, ...rest);
  return readFile(join(folder, `${file}.tsr`));
}

async function forge(folder: string, info: Buffer, { name }: Signer, { isUnnamed = false } = {}): Promise<Buffer> {
  const file = `forged-${(answers += 1)}`;
  await writeFile(join(folder, `${file}.der`), info);
  const type = [
    '-econtent_type',
    '1.2.840.113549.1.9.16.1.4',
    '-binary',
    '-nodetach',
    '-nosmimecap',
    ...(isUnnamed ? [] : ['-cades']),
  ];
  const who = ['-signer', `${name}.pem`, '-inkey', `${name}.key`, '-certfile', `${name}.chain.pem`, '-md', 'sha256'];
  await openssl(
    folder,
    'cms',
    '-sign',
    '-in',
    `${file}.der`,
    ...type,
    ...who,
    '-outform',
    'DER',
    '-out',
    `${file}.tst`,
  );
  return readFile(join(folder, `${file}.tst`));
}

async function verify(folder: string, token: Buffer, stamped: Buffer): Promise<void> {
  await writeFile(join(folder, 'token.tst'), token);
  await writeFile(join(folder, 'stamped'), stamped);
  await openssl(folder, 'ts', '-verify', '-token_in', '-in', 'token.tst', '-data', 'stamped', '-CAfile', 'ca.pem');
}

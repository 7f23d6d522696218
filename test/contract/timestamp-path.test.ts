import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { type Certificate, parseCertificates } from '../../orchestrator/evidence/timestamp/certificate.ts';
import { findPath } from '../../orchestrator/evidence/timestamp/certificate-path.ts';
import { OPENSSL, openssl, sayNotRun } from '../support/tsa/openssl.ts';

/** As many as a token may bring. */
const SENT = 8;

const CONFIGURATION = `
[req]
distinguished_name = name
[name]
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
`;

sayNotRun('paths between certificates that all sign each other');

describe.skipIf(OPENSSL === undefined)('certificates of one name and one key, which all sign each other', () => {
  test('are each compared with each once, however many ways lead through them', async () => {
    const [others, trusted] = [await sameNameAndKey('Maze', SENT), await sameNameAndKey('Another', 1)];
    const [first] = others;
    if (first === undefined) throw new Error('expected certificates');
    const compared = others.map(({ x509 }) => vi.spyOn(x509, 'verify'));
    expect(findPath(first, { others, trusted, atMs: Date.now() })).toBeUndefined();
    const times = compared.reduce((sum, { mock }) => sum + mock.calls.length, 0);
    expect(times).toBeGreaterThanOrEqual(SENT - 1);
    expect(times).toBeLessThanOrEqual(SENT * SENT);
  });

  test('lead to the one of them that is trusted: the control', async () => {
    const others = await sameNameAndKey('Maze', 3);
    const [first, , last] = others;
    if (first === undefined || last === undefined) throw new Error('expected certificates');
    expect(findPath(first, { others, trusted: [last], atMs: Date.now() })?.at(-1)).toBe(last);
  });
});

/** Certificates of authorities, self-signed with one key: each might be the issuer of each. */
async function sameNameAndKey(name: string, count: number): Promise<readonly Certificate[]> {
  const folder = await mkdtemp(join(tmpdir(), 'burnbag-maze-'));
  try {
    await writeFile(join(folder, 'openssl.cnf'), CONFIGURATION);
    await openssl(folder, 'genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', 'key.pem');
    const made: Certificate[] = [];
    for (let at = 0; at < count; at += 1) {
      const self = ['-x509', '-new', '-key', 'key.pem', '-subj', `/CN=${name}`, '-extensions', 'ca'];
      await openssl(folder, 'req', ...self, '-out', `${at}.pem`, '-days', '2', '-config', 'openssl.cnf');
      made.push(...(parseCertificates(await readFile(join(folder, `${at}.pem`), 'latin1')) ?? []));
    }
    return made;
  } finally {
    await rm(folder, { recursive: true });
  }
}

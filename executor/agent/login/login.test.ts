import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { canonicalJson, GRANT_EXTENSION, TUNNEL_EXTENSION, type Grant } from '../../protocol/index.ts';
import { authenticationLine, keyIdOf, makeCa, mintBlob, type CertificateFields } from '../../testing/certificate.ts';
import { makeGrant, makeSandbox } from '../../testing/sandbox.ts';
import { readLogin, type Login } from './login.ts';
import { LoginRefused } from './refused.ts';

const sandbox = makeSandbox();
afterAll(() => {
  sandbox[Symbol.dispose]();
});
const file = join(sandbox.folder, 'auth');
const now = BigInt(Math.floor(Date.now() / 1000));
const otherMachine = '00000000-0000-4000-8000-000000000000';

function login(text: string): Login {
  writeFileSync(file, text);
  return readLogin(sandbox.guest, file);
}

function codeOf(act: () => unknown): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    if (error instanceof LoginRefused) return error.refusal.code;
    throw error;
  }
}

/** A certificate whose grant is this text, with the key id to match. */
function withGrantText(json: string, grant: Grant = makeGrant()): Partial<CertificateFields> {
  return { extensions: [[GRANT_EXTENSION, json]], keyId: keyIdOf(grant, json) };
}

/** A certificate that lets sshd forward, whatever its grant says. */
function withTunnels(grant: Grant): Partial<CertificateFields> {
  return {
    extensions: [
      [GRANT_EXTENSION, canonicalJson(grant)],
      [TUNNEL_EXTENSION, ''],
    ],
  };
}

describe('readLogin', () => {
  it('takes the grant from a good certificate, and ends when the first of both does', () => {
    const grant = makeGrant();
    const found = login(
      authenticationLine(mintBlob(sandbox.ca, grant, { serial: 2n ** 64n - 1n, validBefore: now + 60n })),
    );
    expect(found).toMatchObject({ kind: 'task', grant });
    expect(found.serial).toBe('18446744073709551615');
    expect(found.endsAt).toBe(Number(now) + 60);
  });

  const grant = makeGrant();
  const json = canonicalJson(grant);
  const [task, revoke] = [`sandbox-${grant.machine_id}`, `revoke-${grant.machine_id}`];
  const tunnelling = makeGrant({ tunnels: ['127.0.0.1:5432'] });
  const force = ['force-command', '/usr/local/bin/agent-exec'] as const;
  const source = ['source-address', '10.0.2.2'] as const;
  it.each<[string, string, Partial<CertificateFields>, Grant?]>([
    ['LOGIN_CERTIFICATE_INVALID', 'a host certificate', { type: 2 }],
    ['LOGIN_CERTIFICATE_INVALID', 'no serial', { serial: 0n }],
    ['LOGIN_WRONG_MACHINE', 'no principals', { principals: [] }],
    ['LOGIN_WRONG_MACHINE', 'the principals of two kinds', { principals: [task, revoke] }],
    ['LOGIN_CERTIFICATE_INVALID', 'a grant in a login that revokes', { principals: [revoke] }],
    ['LOGIN_CERTIFICATE_INVALID', 'a login that revokes, without its key id', { principals: [revoke], extensions: [] }],
    [
      'LOGIN_CERTIFICATE_INVALID',
      "a login that revokes, with another machine's key id",
      { principals: [revoke], extensions: [], keyId: `run=${grant.run_id}:revoke=${otherMachine}` },
    ],
    ['LOGIN_GRANT_INVALID', 'leave to forward without tunnels in the grant', withTunnels(grant)],
    ['LOGIN_GRANT_INVALID', 'tunnels in the grant without leave to forward', {}, tunnelling],
    ['LOGIN_WRONG_MACHINE', 'two principals', { principals: [`sandbox-${grant.machine_id}`, 'root'] }],
    ['LOGIN_WRONG_MACHINE', "another machine's principal", { principals: [`sandbox-${otherMachine}`] }],
    ['LOGIN_WRONG_MACHINE', "the log streamer's principal", { principals: [`audit-${grant.machine_id}`] }],
    ['LOGIN_CERTIFICATE_NOT_YET_VALID', 'a certificate for later', { validAfter: now + 60n }],
    ['LOGIN_CERTIFICATE_EXPIRED', 'an expired certificate', { validBefore: now }],
    ['LOGIN_CERTIFICATE_INVALID', 'no forced command', { criticalOptions: [source] }],
    [
      'LOGIN_CERTIFICATE_INVALID',
      'another forced command',
      { criticalOptions: [['force-command', '/bin/sh'], source] },
    ],
    ['LOGIN_CERTIFICATE_INVALID', 'no source address', { criticalOptions: [force] }],
    ['LOGIN_CERTIFICATE_INVALID', 'an empty source address', { criticalOptions: [force, ['source-address', '']] }],
    [
      'LOGIN_CERTIFICATE_INVALID',
      'one more critical option',
      { criticalOptions: [force, source, ['verify-required', '']] },
    ],
    ['LOGIN_CERTIFICATE_INVALID', 'no grant', { extensions: [] }],
    [
      'LOGIN_CERTIFICATE_INVALID',
      'a permit beside the grant',
      {
        extensions: [
          [GRANT_EXTENSION, json],
          ['permit-pty', ''],
        ],
      },
    ],
    ['LOGIN_GRANT_INVALID', 'a grant with spaces', withGrantText(json.replace(',', ', '))],
    [
      'LOGIN_GRANT_INVALID',
      'a grant with a member twice',
      withGrantText(json.replace('"version":1', '"version":1,"version":1')),
    ],
    [
      'LOGIN_GRANT_INVALID',
      'a grant with an unknown member',
      withGrantText(json.replace('"version":1', '"version":1,"x":1')),
    ],
    ['LOGIN_GRANT_INVALID', 'a grant of no actions', withGrantText(canonicalJson({ ...grant, actions: [] }))],
    ['LOGIN_GRANT_INVALID', 'a grant that is too large', withGrantText(`"${'x'.repeat(40_000)}"`)],
    ['LOGIN_GRANT_INVALID', "another grant's digest in the key id", { keyId: keyIdOf(grant, 'another') }],
    [
      'LOGIN_GRANT_INVALID',
      'another run in the key id',
      { keyId: keyIdOf({ ...grant, run_id: 'ffffffffffff' }, json) },
    ],
    [
      'LOGIN_WRONG_MACHINE',
      "another machine's grant",
      { principals: [`sandbox-${grant.machine_id}`] },
      makeGrant({ machine_id: otherMachine }),
    ],
  ])('refuses with %s: %s', (code, _name, changed, other = grant) => {
    expect(codeOf(() => login(authenticationLine(mintBlob(sandbox.ca, other, changed))))).toBe(code);
  });

  it('takes a grant with tunnels where the certificate lets sshd forward', () => {
    const found = login(authenticationLine(mintBlob(sandbox.ca, tunnelling, withTunnels(tunnelling))));
    expect(found).toMatchObject({ grant: { tunnels: ['127.0.0.1:5432'] } });
  });

  it('tells a login that revokes by its principal, and takes its run from the key id', () => {
    const keyId = `run=${grant.run_id}:revoke=${grant.machine_id}`;
    const blob = mintBlob(sandbox.ca, grant, { principals: [revoke], extensions: [], keyId });
    expect(login(authenticationLine(blob))).toMatchObject({ kind: 'revoke', runId: grant.run_id });
  });

  it('refuses another CA, and a certificate with any bit changed', () => {
    expect(codeOf(() => login(authenticationLine(mintBlob(makeCa(), grant))))).toBe('LOGIN_CERTIFICATE_UNTRUSTED');
    refusesEveryChange(mintBlob(sandbox.ca, grant), sandbox.guest.caFile);
  });

  it('takes the certificates of a P-256 CA as strictly', () => {
    const p256 = makeCa('p256');
    const caFile = join(sandbox.folder, 'p256.pub');
    writeFileSync(caFile, p256.line);
    // Numbers of other lengths than most: one signature in 128 has a short r or s.
    for (let round = 0; round < 64; round += 1) expect(grantedBy(mintBlob(p256, grant), caFile)).toEqual(grant);
    const another = [makeCa('p256'), sandbox.ca].map((ca) => codeOf(() => grantedBy(mintBlob(ca, grant), caFile)));
    expect(another).toEqual(['LOGIN_CERTIFICATE_UNTRUSTED', 'LOGIN_CERTIFICATE_UNTRUSTED']);
    refusesEveryChange(mintBlob(p256, grant), caFile);
    writeFileSync(caFile, p256.line.replace(/.{6}= test/, 'AAAAAA= test'));
    expect(codeOf(() => grantedBy(mintBlob(p256, grant), caFile))).toMatch(/^LOGIN_/);
  });

  function grantedBy(blob: Buffer, caFile: string): Grant {
    writeFileSync(file, authenticationLine(blob));
    const found = readLogin({ ...sandbox.guest, caFile }, file);
    if (found.kind !== 'task') throw new Error('expected a login for actions');
    return found.grant;
  }

  function refusesEveryChange(blob: Buffer, caFile: string): void {
    for (let at = 0; at < blob.length; at += 13) {
      const changed = Buffer.from(blob);
      changed.writeUInt8((changed[at] ?? 0) ^ (1 << (at % 8)), at);
      expect(codeOf(() => grantedBy(changed, caFile))).toMatch(/^LOGIN_/);
    }
  }

  it.each([
    ['nothing', ''],
    ['a password login', 'password\n'],
    ['a plain key', `publickey ssh-ed25519 ${'AAAA'.repeat(17)}\n`],
    ['two logins', authenticationLine(mintBlob(sandbox.ca, grant)).repeat(2)],
    ['no newline', authenticationLine(mintBlob(sandbox.ca, grant)).trimEnd()],
    ['loose ends', authenticationLine(mintBlob(sandbox.ca, grant)).replace('\n', '=\n')],
  ])('refuses when sshd left %s', (_name, text) => {
    expect(codeOf(() => login(text))).toBe('LOGIN_CERTIFICATE_MISSING');
  });

  it('refuses without the file, and without the facts of the machine', () => {
    expect(codeOf(() => readLogin(sandbox.guest, undefined))).toBe('LOGIN_CERTIFICATE_MISSING');
    expect(codeOf(() => readLogin(sandbox.guest, '/nowhere'))).toBe('LOGIN_CERTIFICATE_MISSING');
    expect(codeOf(() => readLogin({ ...sandbox.guest, caFile: '/nowhere' }, file))).toBe('GUEST_FACTS_MISSING');
    expect(codeOf(() => readLogin({ ...sandbox.guest, caFile: sandbox.guest.machineIdFile }, file))).toBe(
      'GUEST_FACTS_MISSING',
    );
    expect(codeOf(() => readLogin({ ...sandbox.guest, machineIdFile: sandbox.guest.caFile }, file))).toBe(
      'GUEST_FACTS_MISSING',
    );
  });
});

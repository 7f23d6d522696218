import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { canonicalJson, GRANT_EXTENSION } from '../../protocol/index.ts';
import { keyIdOf, makeCa, mintBlob } from '../../testing/certificate.ts';
import { makeGrant } from '../../testing/sandbox.ts';
import { parseCertificate } from './certificate.ts';
import { LoginRefused } from './refused.ts';
import { checkCertificate } from './rules.ts';

const ca = makeCa();
const grant = makeGrant();
const blob = mintBlob(ca, grant);

describe('parseCertificate', () => {
  it('reads what a certificate says', () => {
    const certificate = parseCertificate(blob);
    expect(certificate.keyId).toBe(keyIdOf(grant, canonicalJson(grant)));
    expect(certificate.principals).toEqual([`sandbox-${grant.machine_id}`]);
    expect(certificate.criticalOptions.get('force-command')).toBe('/usr/local/bin/agent-exec');
    expect(certificate.extensions.get(GRANT_EXTENSION)).toBe(canonicalJson(grant));
    expect(certificate.caKey.equals(ca.publicKey)).toBe(true);
  });

  it('reads what ssh-keygen writes, and believes it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'burnbag-keygen-'));
    try {
      const keygen = (...args: string[]): void => {
        const { status, stderr } = spawnSync('ssh-keygen', args, {
          cwd: folder,
          env: { PATH: '/usr/bin:/bin' },
          timeout: 10_000,
        });
        if (status !== 0) throw new Error(String(stderr));
      };
      const json = canonicalJson(grant);
      keygen('-q', '-t', 'ed25519', '-N', '', '-f', 'ca');
      keygen('-q', '-t', 'ed25519', '-N', '', '-f', 'user');
      const options = [
        'clear',
        'force-command=/usr/local/bin/agent-exec',
        'source-address=10.0.2.2',
        `extension:${GRANT_EXTENSION}=${json}`,
      ];
      const chosen = options.flatMap((option) => ['-O', option]);
      keygen(
        '-q',
        '-s',
        'ca',
        '-I',
        keyIdOf(grant, json),
        '-n',
        `sandbox-${grant.machine_id}`,
        '-V',
        '-1m:+5m',
        '-z',
        '7',
        ...chosen,
        'user.pub',
      );
      const read = (name: string): Buffer =>
        Buffer.from(readFileSync(join(folder, name), 'utf8').split(' ')[1] ?? '', 'base64');
      const certificate = parseCertificate(read('user-cert.pub'));
      expect(certificate.serial).toBe(7n);
      expect(certificate.extensions.get(GRANT_EXTENSION)).toBe(json);
      const facts = { caKey: read('ca.pub').subarray(-32), caBlob: read('ca.pub'), machineId: grant.machine_id };
      expect(() => {
        checkCertificate(certificate, facts, Math.floor(Date.now() / 1000));
      }).not.toThrow();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('is one that ssh-keygen can read too', () => {
    const folder = mkdtempSync(join(tmpdir(), 'burnbag-keygen-'));
    try {
      writeFileSync(join(folder, 'cert.pub'), `ssh-ed25519-cert-v01@openssh.com ${blob.toString('base64')}\n`);
      const { status, stdout } = spawnSync('ssh-keygen', ['-L', '-f', 'cert.pub'], {
        cwd: folder,
        env: { PATH: '/usr/bin:/bin' },
        timeout: 10_000,
      });
      expect(status).toBe(0);
      expect(String(stdout)).toContain(`sandbox-${grant.machine_id}`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('refuses it cut off anywhere, and with anything after it', () => {
    for (let length = 0; length < blob.length; length++) {
      expect(() => parseCertificate(blob.subarray(0, length))).toThrow(LoginRefused);
    }
    expect(() => parseCertificate(Buffer.concat([blob, Buffer.alloc(1)]))).toThrow(LoginRefused);
  });

  it.each<[string, Parameters<typeof mintBlob>[2]]>([
    ['another type', { certificateType: 'ssh-ed25519-cert-v02@openssh.com' }],
    [
      'an option twice',
      {
        extensions: [
          ['a', '1'],
          ['a', '2'],
        ],
      },
    ],
    [
      'options out of order',
      {
        criticalOptions: [
          ['source-address', 'x'],
          ['force-command', 'y'],
        ],
      },
    ],
    ['a reserved field in use', { reserved: Buffer.from('x') }],
  ])('refuses %s', (_name, changed) => {
    expect(() => parseCertificate(mintBlob(ca, grant, changed))).toThrow(LoginRefused);
  });
});

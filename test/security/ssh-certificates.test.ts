import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CertificateBody } from '../../orchestrator/ca/certificate.ts';
import { memorySigner } from '../support/login.ts';
import { forged, HEALTH, open, refusal, regrant } from '../support/ssh/relay-side.ts';
import { SOURCE_ADDRESS, startTarget, type Target } from '../support/ssh/target.ts';

/** The image's own sshd and executor, and a CA whose key the attacker has: every certificate that can be signed, tried for real. */
let target: Target;
/** Logins under emulation, on a busy machine. */
const SLOW = { timeout: 240_000 };

beforeAll(async () => {
  target = await startTarget();
});
afterAll(async () => {
  await target[Symbol.asyncDispose]();
});

const now = (): number => Math.floor(Date.now() / 1000);
const FORCE = { name: 'force-command', value: '/usr/local/bin/agent-exec' };
const SOURCE = { name: 'source-address', value: SOURCE_ADDRESS };
const UNKNOWN = { name: 'unknown@burnbag.dev', value: 'x' };
const OTHER_MACHINE = 'sandbox-00000000-0000-4000-8000-000000000000';

const BY_SSHD: readonly { name: string; changes: () => Partial<CertificateBody>; says: string; code?: string }[] = [
  {
    name: 'expired',
    changes: () => ({ validBefore: now() - 5 }),
    says: 'Certificate invalid: expired',
    code: 'certificate_expired',
  },
  {
    name: 'not yet valid',
    changes: () => ({ validAfter: now() + 300 }),
    says: 'Certificate invalid: not yet valid',
    code: 'certificate_not_yet_valid',
  },
  { name: 'without principals', changes: () => ({ principals: [] }), says: 'does not contain an authorized principal' },
  {
    name: "with another machine's principal",
    changes: () => ({ principals: [OTHER_MACHINE] }),
    says: 'does not contain an authorized principal',
  },
  { name: 'for hosts', changes: () => ({ type: 'host' }), says: 'not a user certificate' },
  {
    name: 'for another source address',
    changes: () => ({ criticalOptions: [FORCE, { ...SOURCE, value: '192.0.2.1' }] }),
    says: 'not from a permitted source address',
  },
  {
    name: 'with an unknown critical option',
    changes: () => ({ criticalOptions: [FORCE, SOURCE, UNKNOWN] }),
    says: 'is not supported',
  },
];

describe('sshd refuses a certificate', SLOW, () => {
  test.each(BY_SSHD)('$name, and the relay knows why', async ({ changes, says, code = 'refused' }) => {
    const { sshdLog, error } = await refusal(target, await forged(target, changes));
    expect(sshdLog).toContain(says);
    expect(error).toMatchObject({ code });
  });

  test('of another CA', async () => {
    const { sshdLog, error } = await refusal(target, await forged(target, () => ({}), memorySigner()));
    expect(sshdLog).not.toContain('Accepted');
    expect(error).toMatchObject({ code: 'refused' });
  });
});

/** Grants that sshd cannot read, and the executor's word for each. */
const BY_EXECUTOR: readonly {
  name: string;
  changes: (body: CertificateBody) => Partial<CertificateBody>;
  says: string;
}[] = [
  { name: 'without a grant', changes: () => ({ extensions: [] }), says: 'LOGIN_CERTIFICATE_INVALID' },
  {
    name: 'with an altered grant',
    changes: (body) =>
      regrant(body, (grant) => ({ ...grant, actions: [{ action: 'list_processes', limits: {} }] }), false),
    says: 'LOGIN_GRANT_INVALID',
  },
  {
    name: 'with the grant of another run',
    changes: (body) => regrant(body, (grant) => ({ ...grant, run_id: 'ba9876543210' }), false),
    says: 'LOGIN_GRANT_INVALID',
  },
  {
    name: 'with the grant of another machine',
    changes: (body) =>
      regrant(body, (grant) => ({ ...grant, machine_id: OTHER_MACHINE.slice('sandbox-'.length) }), true),
    says: 'LOGIN_WRONG_MACHINE',
  },
  {
    name: 'with one critical option less',
    changes: () => ({ criticalOptions: [FORCE] }),
    says: 'LOGIN_CERTIFICATE_INVALID',
  },
];

describe('the executor refuses a certificate', SLOW, () => {
  test.each(BY_EXECUTOR)('$name that sshd let in, records it, and ends the connection', async ({ changes, says }) => {
    const session = await open(target, await forged(target, changes));
    await expect(session.request(HEALTH, { timeoutMs: 90_000 })).rejects.toMatchObject({
      code: 'refused',
      got: expect.stringContaining(says) as string,
    });
    expect(await target.executorLog()).toContain(`"event":"session_refused","code":"${says}"`);
  });
});

import { describe, expect, test } from 'vitest';
import { REDACTION_RULES, Redactor } from './redaction.ts';

/** Made here, so that no file of ours holds what looks like a secret. */
const SECRET = ['hunter2', 'x'.repeat(30)].join('');
const redact = (value: unknown) => {
  const redactor = new Redactor();
  return { value: JSON.stringify(redactor.redact(value)), counts: redactor.counts() };
};

describe('a secret goes out of an export', () => {
  test.each<[string, unknown, string]>([
    ['in a field so called', { args: { password: SECRET } }, 'secret_name'],
    ['in a field whose name ends so', { db_password: SECRET }, 'secret_name'],
    ['after an option so called', ['mysql', '--password', SECRET], 'secret_name'],
    ['in an option with its value', ['curl', `--token=${SECRET}`], 'secret_argument'],
    ['in a variable', ['env', `AWS_SECRET_ACCESS_KEY=${SECRET}`], 'secret_argument'],
    ['in a header', ['curl', '-H', `Authorization: Bearer ${SECRET}`], 'authorization'],
    ['in a URL', [`https://me:${SECRET}@example.org/`], 'url_password'],
    ['that is an AWS key id', [`AKIA${'A'.repeat(16)}`], 'aws_key_id'],
    ['whose issuer marks it', [`ghp_${'a'.repeat(36)}`], 'known_token'],
    ['that is a JWT', [`eyJ${'a'.repeat(20)}.${'b'.repeat(20)}.c`], 'jwt'],
    ['that is a private key', [`-----BEGIN OPENSSH PRIVATE KEY-----\n${SECRET}\n`], 'private_key'],
    ['in JSON within a line', { line: JSON.stringify({ args: { api_key: SECRET } }) }, 'secret_name'],
    ['in a list within a list', { argv: [['--secret', SECRET]] }, 'secret_name'],
  ])('%s', (_, value, rule) => {
    const found = redact(value);
    expect(found.counts).toEqual({ [rule]: 1 });
    expect(found.value).toContain(`[redacted: ${rule}]`);
    expect(found.value).not.toMatch(/hunter2|AAAAAAAA|aaaaaaaaaaaa/);
  });

  test('and what is none stays: digests, paths, numbers, words about secrets', () => {
    const value = {
      token_sha256: 'a'.repeat(64),
      path: '/etc/passwd',
      argv: ['cat', '/etc/shadow', 'token'],
      pid: 5,
      token: 5,
    };
    expect(redact(value)).toEqual({ value: JSON.stringify(value), counts: {} });
  });

  test('every rule says why, and has a name of its own', () => {
    expect(new Set(REDACTION_RULES.map(({ id }) => id)).size).toBe(REDACTION_RULES.length);
    for (const { why } of REDACTION_RULES) expect(why.length).toBeGreaterThan(10);
  });
});

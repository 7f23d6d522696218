import { expect, it } from 'vitest';
import { createSecrets, openSecrets } from './secrets.ts';

const SALT = 'v1:fozI5u6B030=:v1:F+6ZduKKd8G0/V7L:PGMFeIzwobWRKmEAzUdaQHqC5mMRIQ==';

it('opens the passphrase provider’s published vector', async () => {
  const secrets = await openSecrets('password', SALT);
  expect(secrets.providers).toEqual({ type: 'passphrase', state: { salt: SALT } });
});

it('refuses a wrong passphrase', async () => {
  await expect(openSecrets('passwort', SALT)).rejects.toMatchObject({ code: 'bad_passphrase' });
});

it('refuses a malformed salt', async () => {
  await expect(openSecrets('password', 'v1:fozI5u6B030=')).rejects.toMatchObject({ code: 'bad_state' });
});

it('opens what it closed, under the salt it wrote, and refuses a changed byte', async () => {
  const made = await createSecrets('');
  const closed = made.encrypt('"geheim ✓"');
  const opened = await openSecrets('', made.providers.state?.salt ?? '');
  expect(opened.decrypt(closed)).toBe('"geheim ✓"');
  const at = closed.length - 4;
  const flipped = closed.slice(0, at) + (closed[at] === 'A' ? 'B' : 'A') + closed.slice(at + 1);
  expect(() => opened.decrypt(flipped)).toThrow(expect.objectContaining({ code: 'bad_state' }));
});

import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type Account, startAccount } from '../../../test/support/aws/account.ts';
import { REGION } from '../../../test/support/aws/clients.ts';
import { readHostKey } from './host-key.ts';

const HOST = 'i-0123456789abcdef0';
const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIF6Uyh5zTGl5i1wiz6MY3AA2IK28uXqAd+dW3TVVR+Kg';
const OTHER = KEY.replace('IF6U', 'IF6V');
const said = (...keys: string[]): string =>
  [
    ...[
      '[   12.3] cloud-init: finished',
      '-----BEGIN SSH HOST KEY KEYS-----',
      'ecdsa-sha2-nistp256 AAAAE2Vj root@relay',
    ],
    ...keys.map((key) => `${key} root@relay`),
    ...['-----END SSH HOST KEY KEYS-----', 'relay login: ', ''],
  ].join('\r\n');

let account: Account;
beforeAll(async () => {
  account = await startAccount();
});
afterAll(() => account[Symbol.asyncDispose]());
afterEach(() => {
  account.chaos.reset();
});

const read = (limitMs = 10_000): Promise<string> => {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const access = { region: REGION, endpoint: account.chaos.url, credentials };
  return readHostKey(access, HOST, { pollMs: 20, limitMs });
};

test('the host key is waited for, and is what cloud-init says on the console', async () => {
  account.chaos.consoles.set(HOST, '');
  const reading = read();
  await new Promise((resolve) => setTimeout(resolve, 200));
  account.chaos.consoles.set(HOST, said(KEY));
  expect(await reading).toBe(KEY);
});

test('a host that booted twice has said the same key twice', async () => {
  account.chaos.consoles.set(HOST, said(KEY) + said(KEY));
  expect(await read()).toBe(KEY);
});

test('two different keys are no key', async () => {
  account.chaos.consoles.set(HOST, said(KEY) + said(OTHER));
  await expect(read()).rejects.toMatchObject({ code: 'boot_failed' });
});

test.each([
  ['outside of cloud-init’s lines', `${KEY} root@relay\r\n`],
  ['in lines that have not ended', said(KEY).split('-----END')[0] ?? ''],
  ['in the middle of a line', said().replace('ecdsa-sha2', `echo ${KEY} ecdsa-sha2`)],
  ['of another kind', said()],
])('a key %s is not taken, and the wait ends', async (_what, text) => {
  account.chaos.consoles.set(HOST, text);
  await expect(read(200)).rejects.toMatchObject({ code: 'boot_timeout' });
});

test('who may not look is told so', async () => {
  account.chaos.rules.push({ action: 'GetConsoleOutput', how: 'error', status: 403, code: 'UnauthorizedOperation' });
  await expect(read()).rejects.toMatchObject({ code: 'not_permitted' });
});

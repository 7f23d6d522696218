import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseCaKeyLine } from '../../orchestrator/ca/ca-key.ts';
import { kmsCaSigner } from '../../orchestrator/ca/index.ts';
import { mint } from '../../orchestrator/ca/mint.ts';
import { orderTask } from '../../orchestrator/ca/order.ts';
import { Configuration } from '../../orchestrator/configuration.ts';
import {
  publicKeyFile,
  readTrustedKeys,
  sealRun,
  signReceipt,
  verifyBundle,
} from '../../orchestrator/evidence/index.ts';
import { openRelay } from '../../orchestrator/relay/index.ts';
import { openKeys } from '../../orchestrator/run/open-keys.ts';
import { openVault } from '../../orchestrator/run/vault.ts';
import { openTransitKey } from '../../orchestrator/transit/index.ts';
import { temporaryHome } from '../support/archive.ts';
import { agreeingStreams, KNOWN_IDS, runFacts, writeStreams } from '../support/bundle.ts';
import { MACHINE_ID, mintRequest } from '../support/login.ts';
import { proof } from '../support/proof.ts';
import { HONEST_EXECUTOR, startSshd } from '../support/sshd.ts';
import { IS_REAL, openTransit, type Transit } from '../support/transit/transit.ts';

/* Keys in a Transit engine sign what files and KMS sign. With VAULT_ADDR and VAULT_TOKEN the same suite talks to a real one. */

const never = new AbortController().signal;
/** A real engine may have keys of these names already. */
const own = (name: string): string => `${name}-${randomUUID().slice(0, 8)}`;

let transit: Transit;
beforeAll(async () => {
  transit = await openTransit();
});
afterAll(() => transit[Symbol.asyncDispose]());

async function made(type: string): Promise<string> {
  const name = own(type);
  await transit.makeKey(name, type);
  return name;
}

/** The orchestrator's own way from config.json to its signers. */
async function openWith(home: string, keys: Record<string, string>, token: string | undefined = transit.access.token) {
  const { address, mount } = transit.access;
  const configuration = Configuration.parse({ transit: { address, mount, keys } });
  const variables = { VAULT_TOKEN: token };
  const opened = await openKeys({ variables }, configuration);
  return { opened, vault: await openVault({ home, root: home, requester: 'test', variables }, configuration, opened) };
}

describe.each(['ed25519', 'ecdsa-p256'])('keys of type %s in a Transit engine', (type) => {
  test('seal evidence and sign receipts that verify, and their public halves lie where verifiers look', async () => {
    await using place = await temporaryHome();
    const keys = { evidence: await made(type), receipt: await made(type) };
    const { vault } = await openWith(place.home, keys);
    await using _vault = vault;
    const dir = join(place.home, 'runs', 'one');
    await mkdir(dir, { recursive: true });
    const streams = await writeStreams(join(place.home, 'live'), agreeingStreams());
    const run = runFacts();
    await sealRun({ dir, run, streams, ids: KNOWN_IDS, archive: null, signer: vault.evidenceSigner });
    const ids = KNOWN_IDS.map(({ kind, id }) => proof(kind, id));
    await signReceipt({ dir, run, ids, signer: vault.receiptSigner });
    expect((await verifyBundle(dir, { trust: await readTrustedKeys(place.home) })).verdict).toBe('verified');
    expect(await readFile(publicKeyFile(place.home, 'evidence'), 'utf8')).toBe(vault.evidenceSigner.publicKey.pem);
  });

  test('sign a certificate that a real sshd takes', async () => {
    const signer = kmsCaSigner(await openTransitKey(transit.access, await made(type)));
    const request = mintRequest();
    const { certificateLine } = await mint(orderTask(request, parseCaKeyLine(signer.publicKeyLine)), signer);
    await using sshd = await startSshd({
      caPublicKey: signer.publicKeyLine,
      principals: [`sandbox-${MACHINE_ID}`],
      forceCommand: HONEST_EXECUTOR,
      config: ['CASignatureAlgorithms ssh-ed25519,ecdsa-sha2-nistp256'],
    });
    const { port, hostKey, username } = sshd;
    const { privateKey } = request.key;
    const address = { host: '127.0.0.1', port };
    const session = await openRelay({ address, hostKey, username, privateKey, certificate: certificateLine });
    expect(await session.close()).toMatchObject({ exitCode: 0 });
  });

  test('stay what they are when the key is rotated, and a version can be named', async () => {
    const name = await made(type);
    const first = await openTransitKey(transit.access, name);
    await transit.rotate(name);
    const [second, again] = [
      await openTransitKey(transit.access, name),
      await openTransitKey(transit.access, `${name}@1`),
    ];
    expect(again.publicKey.equals(first.publicKey)).toBe(true);
    expect(second.publicKey.equals(first.publicKey)).toBe(false);
    await expect(openTransitKey(transit.access, `${name}@9`)).rejects.toMatchObject({ code: 'transit_unfit' });
    expect((await first.sign(Buffer.from('x'), never)).length).toBeGreaterThanOrEqual(64);
  });

  test('whose rotation would change the signer unseen are refused', async () => {
    await using place = await temporaryHome();
    const keys = { evidence: await made(type), receipt: await made(type) };
    await (await openWith(place.home, keys)).vault[Symbol.asyncDispose]();
    await transit.rotate(keys.evidence);
    await expect(openWith(place.home, keys)).rejects.toMatchObject({ code: 'key_file_invalid' });
    await (await openWith(place.home, { ...keys, evidence: `${keys.evidence}@1` })).vault[Symbol.asyncDispose]();
  });
});

describe('a Transit engine', () => {
  test('with a wrong token, without one, without such a key, or with one of another kind is told apart', async () => {
    const name = await made('ed25519');
    const wrong = { ...transit.access, token: 'wrong' };
    await expect(openTransitKey(wrong, name)).rejects.toMatchObject({ code: 'transit_denied' });
    await expect(openTransitKey(transit.access, own('none'))).rejects.toMatchObject({ code: 'transit_unfit' });
    await expect(openTransitKey(transit.access, await made('rsa-2048'))).rejects.toMatchObject({
      code: 'transit_unfit',
    });
    const configuration = Configuration.parse({ transit: { address: 'https://vault:8200', keys: { ca: 'x' } } });
    await expect(openKeys({ variables: {} }, configuration)).rejects.toMatchObject({ code: 'bad_configuration' });
  });

  test('that is not there is unreachable', async () => {
    const nowhere = { address: 'http://127.0.0.1:9', mount: 'transit', token: 'x' };
    await expect(openTransitKey(nowhere, 'x')).rejects.toMatchObject({ code: 'transit_unreachable' });
  });

  test.each([
    ['sealed', 503, '{"errors":["Vault is sealed"]}', 'transit_unreachable'],
    ['somewhere else', 307, '', 'transit_unreachable'],
    ['no Vault', 200, '<html>', 'transit_unreachable'],
    ['without such an engine', 404, '{"errors":[]}', 'transit_unfit'],
    ['too talkative', 200, 'x'.repeat(2 * 1024 * 1024), 'transit_unreachable'],
  ])('that is %s is told so', async (_, status, body, code) => {
    const server = createServer((_request, response) => {
      response.writeHead(status, { location: 'http://127.0.0.1:9/' }).end(body);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const access = { address: `http://127.0.0.1:${port}`, mount: 'transit', token: 'x' };
    await expect(openTransitKey(access, 'x')).rejects.toMatchObject({ code });
    server.closeAllConnections();
    server.close();
  });

  test.each([
    ['plain http to another host', { address: 'http://vault:8200', keys: {} }],
    ['one key for evidence and receipts', { address: 'https://vault:8200', keys: { evidence: 'a', receipt: 'a' } }],
    ['a path in place of a name', { address: 'https://vault:8200', keys: { ca: '../sys/seal' } }],
  ])('is not configured with %s', (_, wanted) => {
    expect(Configuration.safeParse({ transit: wanted }).success).toBe(false);
  });

  test.skipIf(!IS_REAL)('is a real one (skipped without VAULT_ADDR and VAULT_TOKEN)', () => {
    expect(transit.access.address).toBe(process.env['VAULT_ADDR']);
  });
});

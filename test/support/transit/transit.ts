import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { TransitAccess } from '../../../orchestrator/transit/index.ts';

/** A Transit engine, and a way to have keys made in it. */
export interface Transit extends AsyncDisposable {
  readonly access: TransitAccess;
  /** `type` as Vault names it. */
  makeKey(name: string, type: string): Promise<void>;
  rotate(name: string): Promise<void>;
}

/**
 * The real one where VAULT_ADDR and VAULT_TOKEN name one (its mount in VAULT_TRANSIT_MOUNT, else `transit`); elsewhere a small server that speaks the
 * same protocol: POST keys/NAME, POST keys/NAME/rotate, GET keys/NAME, POST sign/NAME (https://developer.hashicorp.com/vault/api-docs/secret/transit).
 */
export async function openTransit(): Promise<Transit> {
  const { VAULT_ADDR: address, VAULT_TOKEN: token, VAULT_TRANSIT_MOUNT: mount = 'transit' } = process.env;
  const server = address === undefined || token === undefined ? await startServer() : undefined;
  const access: TransitAccess = server?.access ?? { address: address ?? '', token: token ?? '', mount };
  const post = async (path: string, body: object): Promise<void> => {
    const response = await fetch(`${access.address}/v1/${access.mount}/${path}`, {
      method: 'POST',
      headers: { 'x-vault-token': access.token, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`expected ${path} to be done, got ${response.status} ${await response.text()}`);
    await response.arrayBuffer();
  };
  return {
    access,
    makeKey: (name, type) => post(`keys/${name}`, { type }),
    rotate: (name) => post(`keys/${name}/rotate`, {}),
    [Symbol.asyncDispose]: async () => server?.stop(),
  };
}

/** Whether a real engine is talked to. */
export const IS_REAL = process.env['VAULT_ADDR'] !== undefined && process.env['VAULT_TOKEN'] !== undefined;

interface Key {
  readonly type: string;
  readonly versions: KeyObject[];
}

const TOKEN = 'a-token-of-this-test';

async function startServer() {
  const keys = new Map<string, Key>();
  const server = createServer((request, response) => {
    void buffer(request).then((body) => {
      const { status, answer } = serve(request, body.toString(), keys);
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    access: { address: `http://127.0.0.1:${port}`, mount: 'transit', token: TOKEN },
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

interface Served {
  readonly status: number;
  readonly answer: object;
}

const refuse = (status: number, ...errors: string[]): Served => ({ status, answer: { errors } });

function serve(request: IncomingMessage, text: string, keys: Map<string, Key>): Served {
  if (request.headers['x-vault-token'] !== TOKEN) return refuse(403, 'permission denied');
  const [, what, name = '', verb] = /^\/v1\/transit\/(keys|sign)\/([^/]+)(\/rotate)?$/.exec(request.url ?? '') ?? [];
  const body = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>;
  const key = keys.get(name);
  if (what === 'keys' && request.method === 'POST' && verb === undefined) {
    keys.set(name, { type: String(body['type']), versions: [generate(String(body['type']))] });
    return { status: 200, answer: {} };
  }
  if (what === undefined || key === undefined) return refuse(what === 'sign' ? 400 : 404);
  if (verb !== undefined) {
    key.versions.push(generate(key.type));
    return { status: 200, answer: {} };
  }
  return { status: 200, answer: { data: what === 'keys' ? describe(key) : signWith(key, body) } };
}

function generate(type: string): KeyObject {
  if (type === 'ecdsa-p256') return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  return type === 'ed25519' ? generateKeyPairSync('ed25519').privateKey : createPrivateKey(rsaPem());
}

function rsaPem(): string {
  return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' });
}

function describe({ type, versions }: Key): object {
  const publicKeys = versions.map((key, index) => [String(index + 1), { public_key: publicHalf(key) }] as const);
  return { type, latest_version: versions.length, keys: Object.fromEntries(publicKeys), supports_signing: true };
}

function publicHalf(key: KeyObject): string {
  const half = createPublicKey(key);
  if (key.asymmetricKeyType !== 'ed25519') return half.export({ type: 'spki', format: 'pem' });
  return Buffer.from(half.export({ format: 'jwk' }).x ?? '', 'base64url').toString('base64');
}

function signWith(
  { type, versions }: Key,
  { input, key_version: version = versions.length }: Record<string, unknown>,
): object {
  const key = versions[Number(version) - 1];
  if (key === undefined) throw new Error('expected a version that there is');
  const signature = sign(type === 'ed25519' ? null : 'sha256', Buffer.from(String(input), 'base64'), key);
  return { signature: `vault:v${String(version)}:${signature.toString('base64')}` };
}

import { createServer, request as forward, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** Each way in which a store may let go of a lock, or not say the truth about it. One at a time. */
export type Lie =
  | 'delete'
  | 'delete_bypass'
  | 'shorten'
  | 'shorten_bypass'
  | 'change_mode'
  | 'suspend_versioning'
  | 'wrong_checksum'
  | 'overwrite'
  | 'batch_delete'
  | 'refuses_everything'
  | 'deletes_in_secret'
  | 'forgets_lock'
  | 'weaker_mode'
  | 'shorter_lock'
  | 'no_lock_configuration'
  | 'no_version_id'
  | 'other_bytes'
  | 'overloaded';

/** A store that tells one lie and is honest otherwise: it passes requests on, signatures and all, to a real one. */
export async function lyingStore(endpoint: string, lie: Lie): Promise<{ readonly endpoint: string } & AsyncDisposable> {
  const lockedUntil = new Map<string, number>();
  const server = createServer((request, response) => {
    void handle(request, response, { endpoint, lie, lockedUntil }).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Store {
  readonly endpoint: string;
  readonly lie: Lie;
  readonly lockedUntil: Map<string, number>;
}

async function handle(request: IncomingMessage, response: ServerResponse, store: Store): Promise<void> {
  const body = await buffer(request);
  const invented = invent(request, body.toString('latin1'), store);
  if (invented === undefined) await pass(request, body, response, store);
  else
    response.writeHead(invented.status, { 'content-type': 'application/xml', ...invented.headers }).end(invented.body);
}

interface Invented {
  readonly status: number;
  readonly body: string;
  readonly headers?: Record<string, string>;
}

const DONE: Invented = { status: 204, body: '' };
const PUT_DONE: Invented = { status: 200, body: '', headers: { 'x-amz-version-id': 'invented', etag: '"0"' } };
const refusal = (status: number, code: string): Invented => ({
  status,
  body: `<Error><Code>${code}</Code><Message>${code}</Message></Error>`,
});

/** The lie, where this request is the one it is told to. */
function invent(request: IncomingMessage, body: string, store: Store): Invented | undefined {
  const { method, headers } = request;
  const url = new URL(request.url ?? '/', store.endpoint);
  const bypass = headers['x-amz-bypass-governance-retention'] === 'true';
  const has = (parameter: string) => url.searchParams.has(parameter);
  switch (store.lie) {
    case 'delete':
    case 'delete_bypass':
      return method === 'DELETE' && bypass === (store.lie === 'delete_bypass') ? DONE : undefined;
    case 'shorten':
    case 'shorten_bypass':
    case 'change_mode':
      return has('retention') && retentionAttack(url, body, bypass, store) === store.lie
        ? { status: 200, body: '' }
        : undefined;
    case 'suspend_versioning':
      return has('versioning') && body.includes('Suspended') ? { status: 200, body: '' } : undefined;
    case 'wrong_checksum':
      return method === 'PUT' && headers['x-amz-checksum-sha256'] === Buffer.alloc(32).toString('base64')
        ? PUT_DONE
        : undefined;
    case 'overwrite':
      return headers['if-none-match'] === '*' && body === 'other' ? PUT_DONE : undefined;
    case 'batch_delete':
      return has('delete') ? { status: 200, body: '<DeleteResult></DeleteResult>' } : undefined;
    case 'refuses_everything':
      return has('retention') || method === 'DELETE' || has('delete') ? refusal(403, 'AccessDenied') : undefined;
    case 'deletes_in_secret':
      return method === 'HEAD' ? { status: 404, body: '' } : undefined;
    case 'no_lock_configuration':
      return has('object-lock') ? refusal(404, 'ObjectLockConfigurationNotFoundError') : undefined;
    case 'overloaded':
      return method === 'PUT' ? refusal(503, 'SlowDown') : undefined;
    default:
      return undefined;
  }
}

function retentionAttack(url: URL, body: string, bypass: boolean, { lockedUntil }: Store): Lie | undefined {
  if (body.includes('GOVERNANCE')) return 'change_mode';
  const until = Date.parse(/<RetainUntilDate>([^<]*)</.exec(body)?.[1] ?? '');
  if (until >= (lockedUntil.get(url.pathname) ?? 0)) return undefined;
  return bypass ? 'shorten_bypass' : 'shorten';
}

/** The path as it came: what is signed must not change on the way. */
function pass(request: IncomingMessage, body: Buffer, response: ServerResponse, store: Store): Promise<void> {
  const until = request.headers['x-amz-object-lock-retain-until-date'];
  if (typeof until === 'string')
    store.lockedUntil.set(new URL(request.url ?? '/', store.endpoint).pathname, Date.parse(until));
  const { hostname, port } = new URL(store.endpoint);
  return new Promise((resolve, reject) => {
    const sent = forward(
      { hostname, port, method: request.method, path: request.url, headers: request.headers, agent: false },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, bend(answer.headers, store.lie));
        answer.pipe(response).on('close', resolve);
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Answers that are true but for one header. */
function bend(headers: IncomingMessage['headers'], lie: Lie): IncomingMessage['headers'] {
  const bent = { ...headers };
  const locked = 'x-amz-object-lock-mode';
  const until = 'x-amz-object-lock-retain-until-date';
  if (lie === 'forgets_lock') {
    Reflect.deleteProperty(bent, locked);
    Reflect.deleteProperty(bent, until);
  }
  if (lie === 'weaker_mode' && bent[locked] !== undefined) bent[locked] = 'GOVERNANCE';
  if (lie === 'shorter_lock' && bent[until] !== undefined) bent[until] = new Date(Date.now() + 1000).toISOString();
  if (lie === 'other_bytes' && bent['x-amz-checksum-sha256'] !== undefined)
    bent['x-amz-checksum-sha256'] = Buffer.alloc(32, 1).toString('base64');
  if (lie === 'no_version_id') Reflect.deleteProperty(bent, 'x-amz-version-id');
  return bent;
}

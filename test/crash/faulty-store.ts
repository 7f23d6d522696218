import { once } from 'node:events';
import { createServer, request as forward, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** What an archive does to uploads: answers 503, takes them and loses the reply the first time, or never answers. `none`: nothing, it is well again. */
export type StoreFault = 'unavailable' | 'ambiguous' | 'hangs' | 'none';

export interface FaultyStore extends AsyncDisposable {
  readonly endpoint: string;
  /** Has another fault from now on. */
  become(fault: StoreFault): void;
}

/** A real archive behind something that spoils uploads of evidence. What is signed passes unchanged. */
export async function openFaultyStore(endpoint: string, first: StoreFault): Promise<FaultyStore> {
  let fault = first;
  const seen = new Set<string>();
  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await buffer(request);
    const isUpload = request.method === 'PUT' && request.url?.includes('/runs/') === true;
    if (!isUpload || fault === 'none') return pass(endpoint, request, body, response);
    if (fault === 'hangs') return undefined;
    if (fault === 'unavailable') {
      response.writeHead(503, { 'content-type': 'application/xml' });
      response.end('<Error><Code>SlowDown</Code><Message>a test</Message></Error>');
      return undefined;
    }
    const isFirst = !seen.has(request.url ?? '');
    seen.add(request.url ?? '');
    await pass(endpoint, request, body, isFirst ? undefined : response);
    if (isFirst) response.destroy();
    return undefined;
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    become: (next) => {
      fault = next;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Without a response to answer with, what the store says is lost. */
function pass(
  endpoint: string,
  { method, url, headers }: IncomingMessage,
  body: Buffer,
  response: ServerResponse | undefined,
): Promise<void> {
  const { hostname, port } = new URL(endpoint);
  return new Promise((resolve, reject) => {
    const sent = forward({ hostname, port, method, path: url, headers, agent: false }, (answer) => {
      response?.writeHead(answer.statusCode ?? 502, answer.headers);
      if (response === undefined) answer.resume().on('close', resolve);
      else answer.pipe(response).on('close', resolve);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

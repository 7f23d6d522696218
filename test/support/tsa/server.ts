import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a server answers a query with; without a body it never answers. */
export interface TsaAnswer {
  readonly status?: number;
  readonly body?: Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface TsaServer extends AsyncDisposable {
  readonly url: string;
  /** Each query that came. */
  readonly queries: readonly Buffer[];
}

/** An HTTP server on this host that answers as it is told. */
export async function startTsa(answer: (query: Buffer) => TsaAnswer | Promise<TsaAnswer>): Promise<TsaServer> {
  const queries: Buffer[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const query = await bodyOf(request);
      queries.push(query);
      const isQuery = request.method === 'POST' && request.headers['content-type'] === 'application/timestamp-query';
      const {
        status = 200,
        body,
        headers = {},
      } = isQuery ? await answer(query) : { status: 400, body: Buffer.alloc(0) };
      if (body === undefined) return;
      response.writeHead(status, { 'content-type': 'application/timestamp-reply', ...headers }).end(body);
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/tsa`,
    queries,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

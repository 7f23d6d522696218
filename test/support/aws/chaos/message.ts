import { type IncomingHttpHeaders, type IncomingMessage, request, type ServerResponse } from 'node:http';

/** A request as the proxy judges it. */
export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** EC2, IAM and STS name it in the form, KMS and CloudTrail in a header; S3 is known by method and path. */
  readonly action: string;
  /** The form's fields, none where there is no form. */
  readonly form: URLSearchParams;
}

/** An answer that can be changed on its way. */
export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Reads one request whole. */
export async function readRequest(message: IncomingMessage): Promise<Asked> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  const isForm = message.headers['content-type']?.startsWith('application/x-www-form-urlencoded') === true;
  const form = new URLSearchParams(isForm ? body.toString() : '');
  const target = message.headers['x-amz-target'];
  const { method = 'GET', url = '/', headers } = message;
  const named = form.get('Action') ?? (typeof target === 'string' ? target.split('.').at(-1) : undefined);
  return { method, url, headers, body, form, action: named ?? `${method} ${url.split('?')[0] ?? ''}` };
}

/** Asks the server behind, with the same headers: signatures stay valid. */
export async function forward(target: string, asked: Asked): Promise<Answered> {
  const { hostname, port } = new URL(target);
  return new Promise((resolve, reject) => {
    const options = { hostname, port, path: asked.url, method: asked.method, headers: asked.headers, agent: false };
    const upstream = request(options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 502, headers: response.headers, body: Buffer.concat(chunks) });
      });
    });
    upstream.on('error', reject);
    upstream.end(asked.body);
  });
}

/** Sends an answer whose body may have another length than it had. */
export function send(response: ServerResponse, { status, headers, body }: Answered): void {
  const kept = Object.entries(headers).filter(([name]) => !['connection', 'transfer-encoding'].includes(name));
  response.writeHead(status, { ...Object.fromEntries(kept), 'content-length': body.length });
  response.end(body);
}

/** An error as EC2 words it. */
export function ec2Error(status: number, code: string, message: string): Answered {
  const error = `<Error><Code>${code}</Code><Message>${message}</Message></Error>`;
  return xml(status, `<Response><Errors>${error}</Errors><RequestID>chaos</RequestID></Response>`);
}

/** An XML answer. */
export function xml(status: number, text: string): Answered {
  const body = Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\n${text}`);
  return { status, headers: { 'content-type': 'text/xml' }, body };
}

import { fetchFailure, readBody } from '../fetch.ts';
import { TransitError } from './error.ts';

/** Where a Transit engine answers, and who asks. */
export interface TransitAccess {
  /** `https://HOST:PORT`; plain http only to this host, since the token goes along. */
  readonly address: string;
  /** Where the engine is mounted. */
  readonly mount: string;
  readonly namespace?: string | undefined;
  readonly token: string;
}

/** An answer is a key's description or one signature. */
const ANSWER_MAX_BYTES = 1024 * 1024;

/** One request to the engine; resolves with the answer's `data`. Follows no redirect: the token is for this address alone. Rejects with TransitError. */
export async function callTransit(
  { address, mount, namespace, token }: TransitAccess,
  path: string,
  { body, signal }: { body?: object; signal: AbortSignal },
): Promise<unknown> {
  const what = `${address} to answer for ${mount}/${path}`;
  const request = {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      'x-vault-token': token,
      'x-vault-request': 'true',
      'content-type': 'application/json',
      ...(namespace !== undefined && { 'x-vault-namespace': namespace }),
    },
    redirect: 'error',
    signal,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  } as const;
  try {
    const response = await fetch(`${address}/v1/${mount}/${path}`, request);
    const text = (await readBody(response, ANSWER_MAX_BYTES)).toString();
    if (!response.ok) throw refusal(what, response.status, text);
    return (JSON.parse(text) as { data?: unknown }).data;
  } catch (cause) {
    if (cause instanceof TransitError) throw cause;
    const hint = 'see that the server stands, is unsealed and can be reached from here, then try again';
    throw new TransitError('transit_unreachable', { expected: what, got: fetchFailure(cause), hint }, { cause });
  }
}

/** 429, 472, 473, 5xx: a standby, sealed, or overloaded server (Vault's HTTP API, "HTTP Status Codes"). */
function refusal(expected: string, status: number, text: string): TransitError {
  const got = `${status} ${text.slice(0, 200).replaceAll(/\s+/g, ' ')}`;
  if (status === 403) {
    const hint = 'give VAULT_TOKEN a policy with read on keys/NAME and update on sign/NAME';
    return new TransitError('transit_denied', { expected, got, hint });
  }
  if (status === 429 || status >= 472)
    return new TransitError('transit_unreachable', {
      expected,
      got,
      hint: 'unseal or restore the server, then try again',
    });
  return new TransitError('transit_unfit', {
    expected,
    got,
    hint: 'check transit.mount and transit.keys in config.json',
  });
}

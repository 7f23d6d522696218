import { setTimeout as sleep } from 'node:timers/promises';

/** What an AWS client throws. */
interface ServiceFailure {
  readonly name: string;
  readonly message: string;
  readonly $metadata?: { readonly httpStatusCode?: number; readonly requestId?: string };
}

/** Runs a call of a client and words its failure as the real provider does: `api error CODE:` is what callers look for. */
export async function call<T>(doing: string, service: string, operation: string, send: () => Promise<T>): Promise<T> {
  try {
    return await send();
  } catch (error) {
    const { name, message, $metadata } = error as ServiceFailure;
    const status = `StatusCode: ${$metadata?.httpStatusCode ?? 0}, RequestID: ${$metadata?.requestId ?? ''}`;
    throw new Error(
      `${doing}: operation error ${service}: ${operation}, https response error ${status}, api error ${name}: ${message}`,
      { cause: error },
    );
  }
}

/** The service's error code, through the wording of `call`. */
export function codeOf(error: unknown): string {
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return inner instanceof Error ? inner.name : '';
}

/** Undefined in place of a failure that says that there is no such thing; every other failure stays one. */
export async function unlessGone<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (/NotFound$|^NoSuch|NotFoundException$|^NotFound/.test(codeOf(error))) return undefined;
    throw error;
  }
}

/** Every wait of the provider ends: the emulator is quick, a busy machine is not. */
const WAIT_MS = 60_000;
const POLL_MS = 50;

/** Asks until there is an answer, and gives up with what was waited for. */
export async function until<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + WAIT_MS;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error(`timeout while waiting for ${what}`);
    await sleep(POLL_MS);
  }
}

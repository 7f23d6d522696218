import { setTimeout as sleep } from 'node:timers/promises';
import type { S3Client } from '@aws-sdk/client-s3';
import { ArchiveError } from './errors.ts';
import { translate } from './translate.ts';

/** Where an S3 store is and how to log in. */
export interface S3Options {
  readonly endpoint: string;
  readonly region: string;
  /** Without them the SDK looks where it always does: environment, profile, instance. */
  readonly credentials?: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
}

type Sdk = typeof import('@aws-sdk/client-s3');

/** What a call is made with: every request must pass `abortSignal` on. */
export interface S3Use {
  readonly client: S3Client;
  readonly sdk: Sdk;
  readonly abortSignal: AbortSignal;
}

/** An S3 store, with deadlines, retries and one kind of error. */
export interface S3 {
  readonly endpoint: string;
  /** Calls until it succeeds, at most `ATTEMPTS` times, and throws ArchiveError. `run` is called anew each time. */
  call<T>(
    what: string,
    run: (use: S3Use) => Promise<T>,
    options?: { deadlineMs?: number; attempts?: number },
  ): Promise<T>;
  /** Ends whatever is under way. */
  close(): void;
}

/** The SDK would write warnings to the terminal; what goes wrong is thrown, and that suffices. */
const SILENT = { debug: drop, info: drop, warn: drop, error: drop };

/** A store on the same machine answers in milliseconds, one across the world in a second; ten seconds means it hangs. */
const CALL_DEADLINE_MS = 10_000;
/** Enough to get over a restart of the store, few enough that a store that is down is said to be down within seconds. */
const ATTEMPTS = 4;
const FIRST_PAUSE_MS = 100;

/** Loads the AWS SDK (0.1 s and 20 MB, so not before it is needed) and makes a client. Connects to nothing yet. */
export async function openS3({ endpoint, region, credentials }: S3Options): Promise<S3> {
  const sdk = await import('@aws-sdk/client-s3');
  const client = new sdk.S3Client({
    endpoint,
    region,
    ...(credentials !== undefined && { credentials }),
    forcePathStyle: true,
    // Retries are ours: the SDK's do not make a stream anew.
    maxAttempts: 1,
    // Our checksums are SHA-256 and explicit; the SDK would add CRC32 of its own.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    logger: SILENT,
  });
  const closed = new AbortController();
  return {
    endpoint,
    call: (what, run, { deadlineMs = CALL_DEADLINE_MS, attempts = ATTEMPTS } = {}) =>
      retry(attempts, closed.signal, async () => {
        try {
          const abortSignal = AbortSignal.any([AbortSignal.timeout(deadlineMs), closed.signal]);
          return await run({ client, sdk, abortSignal });
        } catch (error) {
          throw translate(error, what, endpoint);
        }
      }),
    close: () => {
      closed.abort();
      client.destroy();
    },
  };
}

async function retry<T>(attempts: number, closed: AbortSignal, run: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await run();
    } catch (error) {
      if (closed.aborted || attempt >= attempts || !(error instanceof ArchiveError) || !error.retryable) throw error;
      await sleep(FIRST_PAUSE_MS * 2 ** (attempt - 1));
    }
  }
}

function drop(): void {
  // Nothing: see SILENT.
}

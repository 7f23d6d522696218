import { inspect } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { parentPort, workerData } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';
import type { Row } from './database.ts';
import { DURABLE_INITDB, DURABLE_START, DurableFiles } from './durable-files.ts';
import type { EmbeddedAnswer, EmbeddedRequest } from './embedded-protocol.ts';

/*
 * The embedded Postgres in a thread of its own: it computes and syncs without stopping the caller, and opens while the caller loads the rest.
 * PGlite serves one statement after another; so does this.
 *
 * V8 is told never to optimize WebAssembly: a run lasts seconds and its statements take a millisecond each, so the optimizing compiler only
 * competes with the VM for the processor. Measured: opening, 60 commits and closing take 550 ms in place of 670.
 */
setFlagsFromString('--wasm-tiering-budget=2000000000');
const database = new PGlite({
  fs: new DurableFiles(workerData as string),
  startParams: [...DURABLE_START],
  initDbStartParams: [...DURABLE_INITDB],
});

parentPort?.on('message', (request: EmbeddedRequest) => {
  void answer(request.id, () => carryOut(request));
});
await answer(0, async () => {
  await database.waitReady;
  return [];
});

async function carryOut(request: EmbeddedRequest): Promise<readonly Row[]> {
  switch (request.do) {
    case 'query':
      return (await database.query<Row>(request.sql, [...request.params])).rows;
    case 'script':
      await database.exec(request.sql);
      return [];
    case 'close':
      await database.close();
      return [];
  }
}

async function answer(id: number, work: () => Promise<readonly Row[]>): Promise<void> {
  parentPort?.postMessage(
    await work().then(
      (rows): EmbeddedAnswer => ({ id, rows }),
      (error: unknown) => describe(id, error),
    ),
  );
}

function describe(id: number, error: unknown): EmbeddedAnswer {
  if (hasNoSpace(error)) return { id, error: { code: 'no_space', message: 'no space left on the disk' } };
  const message = error instanceof Error ? error.message : inspect(error);
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unavailable';
  return { id, error: { code, message } };
}

/** Node says it in words; PGlite's file layer throws objects with WASI's numbers (wasi_snapshot_preview1, errno): dquot and nospc. */
function hasNoSpace(error: unknown): boolean {
  const { code, errno } = error as { code?: unknown; errno?: unknown };
  return code === 'ENOSPC' || code === 'EDQUOT' || (code === undefined && (errno === 19 || errno === 51));
}

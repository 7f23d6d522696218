import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Answer } from '../../protocol/index.ts';
import { makeGrant, makeSandbox, type TestSandbox } from '../../testing/sandbox.ts';
import { AuditLog } from '../audit/log.ts';
import { AuditUnavailable, Unrecorded, type AuditSink } from '../audit/sink.ts';
import { CATALOGUE } from '../catalogue.ts';
import { serveLine } from './serve.ts';

let sandbox: TestSandbox;
beforeEach(() => {
  sandbox = makeSandbox();
});
afterEach(() => {
  sandbox[Symbol.dispose]();
});

/** A sink that takes so many records and then no more. */
function sinkFor(records: number): AuditSink {
  let left = records;
  const write = (): Promise<void> => (left-- > 0 ? Promise.resolve() : Promise.reject(new AuditUnavailable('full')));
  return { write, [Symbol.dispose]: () => undefined };
}

const sha256 = createHash('sha256').update('note').digest('hex');
const args = { path: '/work/in/note.txt', content_base64: Buffer.from('note').toString('base64'), sha256 };
const upload = JSON.stringify({ id: 1, task_id: 'task-1', action: 'put_file', args });

/** Serves one line with a sink that takes so many records; what is said, or the error. */
async function serve(text: string, records: number): Promise<unknown> {
  const context = { guest: sandbox.guest, endsAt: 0, signal: new AbortController().signal };
  const log = new AuditLog(sinkFor(records), sandbox.guest.now);
  const serving = { grant: makeGrant(), catalogue: CATALOGUE, log, context, lastId: 0, answered: 0 };
  return serveLine({ bytes: Buffer.from(text), complete: true }, serving).catch((error: unknown) => error);
}

const saidBy = (error: unknown): unknown =>
  error instanceof Unrecorded ? Answer.parse(JSON.parse(error.answer.toString())) : error;
const isUploaded = (): boolean => existsSync(join(sandbox.folder, 'work/in/note.txt'));

describe('serveLine', () => {
  it('runs nothing when it cannot record the start', async () => {
    expect(saidBy(await serve(upload, 0))).toMatchObject({
      id: 1,
      status: 'failed',
      error: { code: 'AUDIT_UNAVAILABLE' },
    });
    expect(isUploaded()).toBe(false);
  });

  it('tells no result when it cannot record the end', async () => {
    expect(saidBy(await serve(upload, 1))).toMatchObject({
      id: 1,
      status: 'failed',
      error: { code: 'AUDIT_UNAVAILABLE' },
    });
    expect(isUploaded()).toBe(true);
  });

  it('does not even refuse without a record', async () => {
    const error = await serve('{}', 0);
    expect(error).toBeInstanceOf(AuditUnavailable);
    expect(error).not.toBeInstanceOf(Unrecorded);
  });

  it('serves with a sink that takes records', async () => {
    expect(await serve(upload, 2)).toBeInstanceOf(Buffer);
    expect(isUploaded()).toBe(true);
  });
});

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AuditRecord, CHAIN_START } from '../../protocol/index.ts';
import { makeSandbox, type TestSandbox } from '../../testing/sandbox.ts';
import { AuditLog, type AuditEvent } from './log.ts';
import { AuditUnavailable, openAuditSink } from './sink.ts';

let sandbox: TestSandbox;
beforeEach(() => {
  sandbox = makeSandbox();
});
afterEach(() => {
  sandbox[Symbol.dispose]();
});

const refused: AuditEvent = {
  event: 'refused',
  run_id: '0123456789ab',
  task_id: 'task-1',
  request_id: null,
  code: 'LINE_MALFORMED',
  line_sha256: 'ab'.repeat(32),
};
const hostile = 'a\n{"seq":99}\r\u0000\u001b[2J\u009b\u2028\u202e\ud83d\ude00';
const started: AuditEvent = {
  event: 'action_started',
  run_id: '0123456789ab',
  task_id: 'task-1',
  request_id: 1,
  action: 'run_script',
  targets: [hostile],
  argv: [hostile],
  line_sha256: 'ab'.repeat(32),
};

async function write(events: readonly AuditEvent[]): Promise<string[]> {
  using sink = await openAuditSink(sandbox.guest);
  const log = new AuditLog(sink, () => 5);
  for (const event of events) await log.append(event);
  return readFileSync(sandbox.guest.auditFile, 'utf8').split('\n').slice(0, -1);
}

describe('AuditLog', () => {
  it('chains every record to the line before it', async () => {
    const lines = await write([refused, started, refused]);
    const records = lines.map((line) => AuditRecord.parse(JSON.parse(line)));
    expect(records.map(({ seq }) => seq)).toEqual([1, 2, 3]);
    expect(new Set(records.map(({ session }) => session)).size).toBe(1);
    const hashes = lines.map((line) => createHash('sha256').update(line).digest('hex'));
    expect(records.map(({ prev }) => prev)).toEqual([CHAIN_START, hashes[0], hashes[1]]);
  });

  it('makes one line of one record, in plain ASCII, whatever a name holds', async () => {
    const [line = '', ...more] = await write([started]);
    expect(more).toEqual([]);
    expect(line).toMatch(/^[\x20-\x7e]+$/);
    expect(AuditRecord.parse(JSON.parse(line))).toMatchObject({ targets: [hostile], argv: [hostile] });
  });

  it('appends, and never makes the sink itself', async () => {
    expect(await write([refused])).toHaveLength(1);
    expect(await write([refused])).toHaveLength(2);
    await expect(openAuditSink({ ...sandbox.guest, auditFile: '/nowhere/exec' })).rejects.toBeInstanceOf(
      AuditUnavailable,
    );
  });

  it('prefers the port, and says so when it takes nothing', async () => {
    using sink = await openAuditSink({ ...sandbox.guest, auditPort: '/dev/full' });
    await expect(new AuditLog(sink, () => 5).append(refused)).rejects.toBeInstanceOf(AuditUnavailable);
    expect(readFileSync(sandbox.guest.auditFile, 'utf8')).toBe('');
  });
});

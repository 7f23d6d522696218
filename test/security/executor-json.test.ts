import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { parseRequest } from '../../executor/agent/session/request.ts';
import { LINE_MAX_BYTES } from '../../executor/protocol/index.ts';
import { makeGrant, makeSandbox, type TestSandbox } from '../../executor/testing/sandbox.ts';
import { readRecords, SessionClient } from '../../executor/testing/session-client.ts';

/*
 * What can be done to the executor by what is written on the wire: to a session of its own process, with its memory looked at, and to its
 * parser, beside JSON.parse.
 */
vi.setConfig({ testTimeout: 240_000 });

let sandbox: TestSandbox;
beforeEach(() => {
  sandbox = makeSandbox();
});
afterEach(() => {
  sandbox[Symbol.dispose]();
});

const HUNDRED_MB = 100_000_000;
/** Node itself takes some 60 MB; a session that held what it was sent would take the hundred more. */
const MEMORY_MAX_KIB = 130_000;
const HEALTH = { task_id: 'task-1', action: 'check_health', args: {} };

/** Writes until the other side has hung up or everything is taken. */
async function flood({ process }: SessionClient, chunk: Buffer, bytes: number): Promise<void> {
  const input = process.stdin;
  if (input === null) throw new Error('expected a pipe');
  input.on('error', () => undefined);
  for (let sent = 0; sent < bytes && input.writable && process.exitCode === null; sent += chunk.length) {
    if (input.write(chunk)) continue;
    // A pipe that breaks meanwhile is what is waited for, too.
    const heard = new AbortController();
    const { signal } = heard;
    const ends = [
      once(input, 'drain', { signal }),
      once(input, 'close', { signal }),
      once(process, 'exit', { signal }),
    ];
    await Promise.race(ends.map((end) => end.catch(() => undefined)));
    heard.abort();
  }
}

/** Most memory that a process has had until now. */
const peakKiB = (pid = 0): number =>
  Number(/^VmHWM:\s+([0-9]+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);

async function watchPeak(client: SessionClient, during: Promise<unknown>): Promise<number> {
  let peak = 0;
  const look = setInterval(() => {
    try {
      peak = Math.max(peak, peakKiB(client.process.pid));
    } catch {
      // It is gone.
    }
  }, 5);
  await during;
  clearInterval(look);
  return peak;
}

describe('a session', () => {
  test('ends at a line of a hundred megabytes, in bounded memory', async () => {
    await using client = SessionClient.open(sandbox, makeGrant());
    const peak = await watchPeak(client, flood(client, Buffer.alloc(256 * 1024, '['), HUNDRED_MB));
    expect(await client.rest()).toMatchObject({ answers: [{ error: { code: 'LINE_TOO_LONG' } }], exitCode: 76 });
    expect(peak).toBeGreaterThan(20_000);
    expect(peak).toBeLessThan(MEMORY_MAX_KIB);
  });

  test('stops reading from one who asks a hundred megabytes and takes no answer', async () => {
    await using client = SessionClient.open(sandbox, makeGrant({ expires_at: Math.floor(Date.now() / 1000) + 8 }));
    client.process.stdout?.pause();
    const chunk = Buffer.from(`${JSON.stringify({ id: 1, ...HEALTH, pad: 'x'.repeat(60_000) })}\n`);
    const peak = await watchPeak(client, flood(client, chunk, HUNDRED_MB));
    expect(peak).toBeLessThan(MEMORY_MAX_KIB);
  });

  test.each<[string, string | Buffer, string]>([
    ['a byte order mark', `\ufeff${JSON.stringify({ id: 1, ...HEALTH })}\n`, 'LINE_MALFORMED'],
    [
      'two objects on a line',
      `${JSON.stringify({ id: 1, ...HEALTH })}${JSON.stringify({ id: 2, ...HEALTH })}\n`,
      'LINE_MALFORMED',
    ],
    [
      'two objects parted by a carriage return',
      `${JSON.stringify({ id: 1, ...HEALTH })}\r${JSON.stringify({ id: 2, ...HEALTH })}\n`,
      'LINE_MALFORMED',
    ],
    [
      'an action twice',
      '{"id":1,"task_id":"task-1","action":"check_health","action":"list_processes","args":{}}\n',
      'LINE_MALFORMED',
    ],
    [
      'an action twice, once escaped',
      '{"id":1,"task_id":"task-1","action":"check_health","\\u0061ction":"list_processes","args":{}}\n',
      'LINE_MALFORMED',
    ],
    [
      'a prototype',
      '{"id":1,"task_id":"task-1","action":"check_health","args":{"__proto__":{"path":"/etc"}}}\n',
      'LINE_MALFORMED',
    ],
    [
      'a constructor',
      '{"id":1,"task_id":"task-1","action":"check_health","args":{"constructor":{"prototype":{}}}}\n',
      'REQUEST_INVALID',
    ],
    ['depth', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}\n`, 'LINE_MALFORMED'],
    ['UTF-16', Buffer.from(`${JSON.stringify({ id: 1, ...HEALTH })}\n`, 'utf16le'), 'LINE_MALFORMED'],
    [
      'a number that is another when it is read',
      '{"id":1e0,"task_id":"task-1","action":"check_health","args":{},"id ":2}\n',
      'REQUEST_INVALID',
    ],
    [
      'an id beyond what numbers hold',
      '{"id":9007199254740993,"task_id":"task-1","action":"check_health","args":{}}\n',
      'REQUEST_INVALID',
    ],
  ])('refuses %s, carries nothing out, and goes on', async (_name, line, code) => {
    await using client = SessionClient.open(sandbox, makeGrant());
    client.send(line);
    expect(await client.next()).toMatchObject({ status: 'refused', error: { code } });
    client.end();
    await client.rest();
    expect(readRecords(sandbox).filter(({ event }) => event === 'action_started')).toEqual([]);
  });

  test('carries nothing out of half a line', async () => {
    await using client = SessionClient.open(sandbox, makeGrant());
    client.send(JSON.stringify({ id: 1, ...HEALTH }));
    client.end();
    expect(await client.rest()).toMatchObject({ answers: [{ id: null, error: { code: 'LINE_MALFORMED' } }] });
    expect(readRecords(sandbox).filter(({ event }) => event === 'action_started')).toEqual([]);
  });
});

/** A good request with pieces cut out, doubled, swapped or changed: most is broken, some is still good, some is good in one reader only. */
const GOOD = JSON.stringify({
  id: 7,
  task_id: 'task-1',
  action: 'read_file',
  args: { path: '/work/job/a', max_bytes: 10 },
});
const PIECES = [
  '"id":7',
  '"args":{',
  '}',
  '{',
  ',',
  '"path":"/etc/x"',
  '"\\u0061rgs":{}',
  '\\',
  '"',
  '\u0000',
  '\u2028',
  '1e400',
  '-0',
  '[',
  ']',
  ' ',
  '\t',
  '__proto__',
  'null',
  '\ud800',
];
const mutation = fc.record({ at: fc.nat(GOOD.length), drop: fc.nat(6), put: fc.constantFrom('', ...PIECES) });
const mutated = fc
  .array(mutation, { maxLength: 4 })
  .map((changes) => changes.reduce((text, { at, drop, put }) => text.slice(0, at) + put + text.slice(at + drop), GOOD));

describe('the parser beside JSON.parse', () => {
  test('takes nothing that JSON.parse refuses, and reads nothing otherwise, in fifty thousand mutations', () => {
    const counts = { taken: 0, refused: 0 };
    fc.assert(
      fc.property(mutated, (text) => {
        const parsed = parseRequest(Buffer.from(text));
        counts[parsed.ok ? 'taken' : 'refused']++;
        if (!parsed.ok) return;
        const value = JSON.parse(Buffer.from(text).toString()) as object;
        expect(parsed.request).toEqual(value);
        // No member came twice: written out again it has as many names as the line has colons outside of its strings.
        expect(
          JSON.stringify(value)
            .replaceAll(/"(\\.|[^"\\])*"/g, '')
            .split(':'),
        ).toHaveLength(text.replaceAll(/"(\\.|[^"\\])*"/g, '').split(':').length);
      }),
      { numRuns: 50_000 },
    );
    expect(counts.taken).toBeGreaterThan(100);
    expect(counts.refused).toBeGreaterThan(10_000);
  });

  test('takes bounded memory and time for the longest lines that are nothing but trouble', () => {
    const full = (piece: string): Buffer =>
      Buffer.from(piece.repeat(Math.floor(LINE_MAX_BYTES / Buffer.byteLength(piece))));
    const lines = [
      '[',
      '{"a":',
      '"',
      '\\',
      '"\\"',
      '{"a":1,',
      '[0,',
      '1',
      '\u0000',
      '\ud83d\ude00',
      '"a":',
      '"\\\\',
    ].map(full);
    for (const line of lines) expect(parseRequest(line).ok).toBe(false);
    const before = process.memoryUsage();
    const started = performance.now();
    for (let round = 0; round < 3; round++) for (const line of lines) parseRequest(line);
    expect(performance.now() - started).toBeLessThan(60_000);
    expect(process.memoryUsage().rss - before.rss).toBeLessThan(200_000_000);
  });
});

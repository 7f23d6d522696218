import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdir, mkdtemp, open, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { textOf } from '../../../test/support/arrivals.ts';
import { ArrivalsWitness } from '../witness/arrivals.ts';
import { Following, type FollowOptions } from './follow.ts';

let folder: string;
let dir: string;
let source: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'burnbag-arrivals-'));
  [dir, source] = [join(folder, 'bundle'), join(folder, 'source')];
  await mkdir(dir);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const follow = (options: Partial<FollowOptions> = {}): Following =>
  new Following({ dir, find: () => Promise.resolve({ audit: source }), ...options });
const copied = (): Promise<string> => readFile(join(dir, 'audit.log'), 'utf8').catch(() => '');
const lines = (from: number, count: number): string =>
  textOf(Array.from({ length: count }, (_, index) => `type=EXECVE msg=audit(1.000:${from + index}): argc=1 a0="id"`));

/** What a stranger finds wrong with the log, and with the copy beside it. */
async function judged(): Promise<{
  readonly findings: readonly string[];
  readonly events: readonly Record<string, unknown>[];
}> {
  const witness = new ArrivalsWitness();
  const log = (await readFile(join(dir, 'arrivals.ndjson'), 'utf8')).split('\n').slice(0, -1);
  for (const line of log) witness.onLine(Buffer.from(line));
  witness.end();
  const { onPiece, end } = witness.checkerOf('audit');
  onPiece(Buffer.from(await copied()));
  end();
  const events = log.map((line) => JSON.parse(line) as Record<string, unknown>);
  return { findings: witness.findings.list.map(({ code, stream }) => `${code} ${stream}`), events };
}

/** Resolves when so much is accounted for. */
async function accounted(bytes: number): Promise<void> {
  await expect
    .poll(async () => (await judged().catch(() => ({ events: [] }))).events.reduce(sumBytes, 0), { timeout: 20_000 })
    .toBe(bytes);
}

function sumBytes(sum: number, { event, bytes }: Record<string, unknown>): number {
  return event === 'arrived' ? sum + Number(bytes) : sum;
}

describe('what a guest writes', () => {
  test('is copied, numbered and chained while it writes, and half a record waits for its end', async () => {
    const following = follow();
    await writeFile(source, `${lines(1, 3)}type=HALF`);
    await accounted(lines(1, 3).length);
    await appendFile(source, ` of it\n${lines(5, 2)}`);
    expect([...(await following.finish())]).toContainEqual(['audit', 'kept']);
    expect(await copied()).toBe(await readFile(source, 'utf8'));
    const { findings, events } = await judged();
    expect(findings).toEqual([]);
    expect(events.find(({ event }) => event === 'ended')).toMatchObject({ stream: 'audit', records: 6 });
  });

  test('cannot be changed by it once it has arrived, and that it tried is found', async () => {
    const following = follow();
    await writeFile(source, lines(1, 3));
    await accounted(lines(1, 3).length);
    await writeFile(source, lines(7, 3));
    await following.finish();
    expect(await copied()).toBe(lines(1, 3));
    expect((await judged()).findings).toEqual(['source_differs audit']);
  });

  test('and takes back is kept, and that it did is found', async () => {
    const following = follow();
    await writeFile(source, lines(1, 3));
    await accounted(lines(1, 3).length);
    await truncate(source, 10);
    await following.finish();
    expect(await copied()).toBe(lines(1, 3));
    expect((await judged()).findings).toContain('stream_shrank audit');
  });

  test('without end is kept up to the limit and not beyond, which is said once', async () => {
    const maxBytes = 64 * 1024;
    const following = follow({ maxBytes });
    for (let at = 0; at < 20; at += 1) {
      await appendFile(source, lines(at * 1_000, 1_000));
      await sleep(5);
    }
    await following.finish();
    const { findings, events } = await judged();
    expect((await stat(join(dir, 'audit.log'))).size).toBeLessThanOrEqual(maxBytes);
    expect(events.filter(({ event }) => event === 'flooded')).toHaveLength(1);
    expect(findings).toEqual(['stream_flooded audit']);
  });

  test('that is nothing but ends of lines is kept up to a number of them, since each is a record to whoever reads', async () => {
    const following = follow({ maxRecords: 1_000 });
    await writeFile(source, '\n'.repeat(600));
    await accounted(600);
    await appendFile(source, '\n'.repeat(600));
    await following.finish();
    expect(await copied()).toBe('\n'.repeat(600));
    expect((await judged()).findings).toEqual(['stream_flooded audit']);
  });

  test('that cannot be kept is no evidence: whoever asks is told before anything more is sent', async () => {
    await mkdir(join(dir, 'audit.log'));
    await writeFile(source, lines(1, 1));
    const following = follow();
    await expect
      .poll(() => {
        try {
          following.check();
          return 'can be kept';
        } catch (error) {
          return (error as { code?: string }).code;
        }
      })
      .toBe('audit_unavailable');
    expect([...(await following.finish())]).toContainEqual(['audit', 'failed']);
  });
});

describe('a process that is killed while it follows', () => {
  test(
    'leaves a log that speaks of no byte that was not copied first, and another goes on where it ends',
    { timeout: 120_000 },
    async () => {
      const main = join(import.meta.dirname, '../../../test/support/follow-main.ts');
      let [written, most] = [0, 0];
      await writeFile(source, '');
      for (let round = 0; round < 4; round += 1) {
        const child = spawn(process.execPath, [main, dir, source], {
          stdio: ['ignore', 'pipe', 'inherit'],
          env: {},
          timeout: 60_000,
        });
        await once(child.stdout, 'data');
        const before = (await copied()).length;
        for (let at = 0; (await copied()).length === before || at < 5 + 7 * round; at += 1) {
          await appendFile(source, lines(written, 200));
          written += 200;
          await sleep(2);
        }
        child.kill('SIGKILL');
        await once(child, 'exit');
        const log = await readFile(join(dir, 'arrivals.ndjson'), 'utf8');
        const whole = log
          .slice(0, log.lastIndexOf('\n') + 1)
          .split('\n')
          .slice(0, -1);
        const told = whole.map((line) => JSON.parse(line) as Record<string, unknown>).reduce(sumBytes, 0);
        most = Math.max(most, told);
        expect((await stat(join(dir, 'audit.log'))).size).toBeGreaterThanOrEqual(told);
      }
      expect(most).toBeGreaterThan(0);
      await follow().finish();
      expect(await copied()).toBe(await readFile(source, 'utf8'));
      const { findings, events } = await judged();
      expect(findings).toEqual([]);
      // One that was killed before its first line left no log to go on with.
      expect(events.filter(({ event }) => event === 'resumed').length).toBeGreaterThan(0);
    },
  );

  test('in the middle of a line of the log is no loss: half a line was never counted', async () => {
    const first = follow();
    await writeFile(source, lines(1, 3));
    await accounted(lines(1, 3).length);
    await first.abandon();
    await using log = await open(join(dir, 'arrivals.ndjson'), 'r+');
    await log.truncate((await log.stat()).size - 20);
    await follow().finish();
    expect(await copied()).toBe(lines(1, 3));
    expect((await judged()).findings).toEqual([]);
  });

  test('does not make up for a log that was changed meanwhile', async () => {
    const first = follow();
    await writeFile(source, lines(1, 3));
    await accounted(lines(1, 3).length);
    await first.abandon();
    const file = join(dir, 'arrivals.ndjson');
    await writeFile(file, (await readFile(file, 'utf8')).replace(/"sha256":"[0-9a-f]{8}/, '"sha256":"00000000'));
    await follow().finish();
    expect((await judged()).findings).toContain('arrival_differs audit');
  });
});

import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { scan } from '../support/scanner.ts';
import { until } from '../support/until.ts';
import { type CrashPlace, openCrashPlace } from './place.ts';

/*
 * A guest whose root writes nothing but ends of lines where its logs leave: each byte is a record to whoever reads them. It must neither end
 * the process that conducts it, and others beside it, nor keep the next one from burning it.
 */

let place: CrashPlace;
beforeAll(async () => {
  place = await openCrashPlace();
});
afterAll(() => place[Symbol.asyncDispose]());

const STREAMS = ['sshd', 'console', 'executor', 'audit'];
/** A fifth of what a log may hold; kept whole, it took all the memory that Node has. */
const FLOOD = Buffer.alloc(48 * 1024 * 1024, '\n');

test(
  'ends no process that reads what it wrote, and is burned, its evidence said to have gaps',
  { timeout: 240_000 },
  async () => {
    await using home = await place.newHome();
    const owner = home.start({ do: 'run', machine: { at: 'before_effect', how: 'hang' } });
    const { runId } = await owner.said('run');
    await until(async () => (await home.readLedger()).some(({ what }) => what === 'login'));
    for (const stream of STREAMS) await appendFile(join(home.home, 'live', runId, `${stream}.log`), FLOOD);
    owner.kill();
    await owner.ended;
    const recovery = home.start({ do: 'recover' });
    expect(await recovery.ended).toMatchObject({ code: 0, signal: null });
    const { runs } = await recovery.said('dump');
    expect(runs).toMatchObject([{ runId, state: 'destroyed', outcome: 'interrupted' }]);
    expect(await scan(home.home)).toEqual([]);
    const { verdict, findings } = JSON.parse(
      await readFile(join(home.home, 'runs', runId, 'manifest.json'), 'utf8'),
    ) as {
      verdict: string;
      findings: { code: string; stream: string }[];
    };
    expect(verdict).toBe('gaps');
    const flooded = findings.filter(({ code }) => code === 'stream_flooded').map(({ stream }) => stream);
    expect(flooded.toSorted()).toEqual(STREAMS.toSorted());
  },
);

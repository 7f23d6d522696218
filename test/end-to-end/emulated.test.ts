import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { judgeIsolation } from '../../infra/index.ts';
import { RunSummary } from '../../orchestrator/run/summary.ts';
import { burnbag, type Ended, parseDocument } from '../support/burnbag.ts';
import { leftovers } from '../support/census.ts';
import { makeTestHome, type TestHome } from '../support/home.ts';
import { preparedHome } from '../support/sandbox.ts';

/*
 * QEMU does not call software emulation an isolation boundary. Where that is all this host has, each output of a run says so, and whoever
 * does not want such runs gets none.
 */
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });
const isolation = (await judgeIsolation(preparedHome(), { probe: true }))?.isolation;
if (isolation !== 'emulated')
  process.stderr.write('NOT RUN: emulated runs are refused and labelled (this host has KVM)\n');

let place: TestHome;
let script: string;
beforeAll(async () => {
  place = await makeTestHome();
  script = await place.write('id.sh', '#!/bin/sh\nid\n');
});
afterAll(() => place[Symbol.asyncDispose]());

describe.runIf(isolation === 'emulated')('a run in software emulation', () => {
  let ended: Ended;
  let run: RunSummary;
  const read = (name: string) => readFile(join(place.home, 'runs', run.run_id, name), 'utf8');
  beforeAll(async () => {
    ended = await burnbag(place, ['detonate', script]);
    run = RunSummary.parse(parseDocument(await burnbag(place, ['show', '--json', await onlyRun()])));
  });

  test('says so while it goes on, at its end, in the list, when it is shown, and in every document', async () => {
    expect(ended.stderr).toMatch(/✔ provisioned .* isolation: emulated/);
    const headline = `Run ${run.run_id}: succeeded, sandbox destroyed · isolation: emulated\n`;
    expect(ended.stdout).toContain(headline);
    expect((await burnbag(place, ['show', run.run_id])).stdout).toContain(headline);
    expect((await burnbag(place, ['runs'])).stdout).toMatch(/^RUN .* ISOLATION .*\n.* emulated /);
    expect(run.isolation).toBe('emulated');
  });

  test('says so in its signed evidence, and in what is exported of it', async () => {
    expect(JSON.parse(await read('manifest.json'))).toMatchObject({ run: { isolation: 'emulated' } });
    for (const [format, name] of [
      ['ocsf', `${run.run_id}.ocsf.ndjson`],
      ['ndjson', `${run.run_id}.ndjson`],
    ] as const) {
      expect((await burnbag(place, ['evidence', 'export', run.run_id, '--format', format])).exitCode).toBe(0);
      expect(await readFile(join(place.home, 'exports', name), 'utf8')).toContain('"isolation":"emulated"');
    }
  });
});

describe.runIf(isolation === 'emulated')('with refuse_emulated', () => {
  beforeAll(() => place.configure({ refuse_emulated: true }));
  afterAll(() => place.configure(undefined));

  test('is refused before anything is started, with its own exit code and words', async () => {
    const refused = await burnbag(place, ['detonate', script]);
    expect(refused.exitCode).toBe(77);
    expect(refused.stdout).toContain('Failed: refused_by_policy\n  expected a VM under KVM (refuse_emulated is set)');
    const told = RunSummary.parse(parseDocument(await burnbag(place, ['detonate', script, '--json'])));
    expect(told).toMatchObject({
      state: 'refused',
      isolation: null,
      result: { failures: [{ code: 'refused_by_policy' }] },
    });
    expect(refused.stderr).not.toContain('provisioned');
    expect(await leftovers(place)).toEqual([]);
  });
});

async function onlyRun(): Promise<string> {
  const { runs } = parseDocument(await burnbag(place, ['runs', '--json'])) as { runs: { run_id: string }[] };
  return runs[0]?.run_id ?? '';
}

import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { installReaper } from './reaper.ts';
import { reaperUnits } from './reaper-units.ts';

const ANALYZE = '/usr/bin/systemd-analyze';
const ROOT = resolve(import.meta.dirname, '../..');
const signal = new AbortController().signal;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'burnbag-units-'));
});
afterEach(() => rm(folder, { recursive: true }));

const order = (rest: { isSystemdRunning: boolean; env?: Record<string, string> }) => ({
  ...{ home: '/srv/burn bag "%d"', root: ROOT, isRoot: false, signal, env: { HOME: folder } },
  ...rest,
});

describe('the resident reaper', () => {
  test('is written where systemd looks for a user’s units; without systemd the rest is said', async () => {
    const installed = await installReaper(order({ isSystemdRunning: false }));
    expect(installed).toMatchObject({ item: 'reaper', status: 'warning' });
    expect(installed.whatToDo).toMatch(
      /^systemctl --user daemon-reload && systemctl --user enable --now burnbag-reaper-[0-9a-f]{12}\.timer$/,
    );
    const units = await readdir(join(folder, '.config/systemd/user'));
    expect(units).toHaveLength(2);
  });

  test('is enabled by systemctl, once and for all', async () => {
    const [bin, log] = [join(folder, 'bin'), join(folder, 'log')];
    await mkdir(bin);
    await writeFile(join(bin, 'systemctl'), `#!/bin/sh\necho "$@" >>${log}\n`);
    await chmod(join(bin, 'systemctl'), 0o755);
    const there = order({ isSystemdRunning: true, env: { HOME: folder, PATH: `${bin}:/usr/bin:/bin` } });
    expect((await installReaper(there)).status).toBe('fixed');
    expect((await installReaper(there)).status).toBe('ok');
    const said = (await readFile(log, 'utf8')).trim().split('\n');
    expect(said.slice(0, 2)).toEqual(['--user daemon-reload', expect.stringMatching(/^--user enable --now burnbag-/)]);
  });

  test('that systemd refuses is told, with what it said', async () => {
    const bin = join(folder, 'bin');
    await mkdir(bin);
    await writeFile(join(bin, 'systemctl'), '#!/bin/sh\necho no bus >&2; exit 1\n');
    await chmod(join(bin, 'systemctl'), 0o755);
    const installed = await installReaper(order({ isSystemdRunning: true, env: { HOME: folder, PATH: bin } }));
    expect(installed).toMatchObject({ status: 'failed', what: 'systemctl daemon-reload: no bus' });
  });

  test('two data directories have two', () => {
    const names = ['/a', '/b'].map((home) => reaperUnits({ home, root: ROOT }).timer.name);
    expect(new Set(names).size).toBe(2);
  });
});

if (!existsSync(ANALYZE)) process.stderr.write('NOT RUN: systemd-analyze verify, which is not installed here\n');

test.skipIf(!existsSync(ANALYZE))('systemd finds nothing wrong with the units', { timeout: 60_000 }, async () => {
  const { service, timer } = reaperUnits({ home: '/srv/burn bag "%d"', root: ROOT });
  for (const { name, text } of [service, timer]) await writeFile(join(folder, name), text);
  const files = [service, timer].map(({ name }) => join(folder, name));
  const { stdout, stderr } = await promisify(execFile)(ANALYZE, ['verify', '--man=no', ...files], { env: {} });
  expect(`${stdout}${stderr}`).not.toContain(service.name);
  // It would say so: a word that it does not know is a finding.
  await writeFile(files[0] ?? '', service.text.replace('Type=oneshot', 'Typo=oneshot'));
  const broken = await promisify(execFile)(ANALYZE, ['verify', '--man=no', ...files], { env: {} }).catch(
    (error: unknown) => error as { stderr: string },
  );
  expect(broken.stderr).toContain('Typo');
});

import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { currentImage } from '../../images/current.ts';
import { startPostgres } from '../../orchestrator/run/journal/postgres-for-tests.ts';
import { type Ended } from '../support/burnbag.ts';
import { imageContents, journalText, openedDisk } from '../support/canary/contents.ts';
import { familyOf, inDeletedFiles, inProcesses } from '../support/canary/processes.ts';
import { type CanaryRun, keptSecrets, plantedEnvironment, startCanaryRun } from '../support/canary/run.ts';
import { type Found, memoryOf, Search, type Secrets } from '../support/canary/search.ts';
import { makeTestHome, type TestHome } from '../support/home.ts';
import { preparedHome } from '../support/sandbox.ts';

/*
 * One real run whose every secret is known to the test, and a scanner that looks for each of them, in every form, wherever something of a run is:
 * while the script is at work, and when all is burned. What is found must be exactly what SECURITY.md says lies there. The guest's own canaries,
 * in its memory and on its disk, are in QEMU's memory while it runs and nowhere afterwards.
 */
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });
const isRoot = process.getuid?.() === 0;

const postgres = await startPostgres();
/** Only where the server is our own does it take any password. */
const databaseUrl = postgres?.outage === undefined ? undefined : postgres.url;
if (databaseUrl === undefined)
  process.stderr.write('NOT RUN with a database password: Debian’s postgresql package is not installed here\n');

let place: TestHome;
let run: CanaryRun;
let secrets: Secrets;
let during: Findings;
let after: Findings;
let ended: Ended;
let startedMs: number;

type Findings = Readonly<Record<'home' | 'temporary' | 'journal' | 'sharedMemory' | 'deletedFiles', readonly Found[]>>;

beforeAll(async () => {
  place = await makeTestHome();
  startedMs = Date.now();
  const environment = plantedEnvironment(databaseUrl);
  run = await startCanaryRun(place, environment.env);
  secrets = { ...environment.secrets, ...run.secrets, ...run.planted };
  during = await lookEverywhere(new Search(secrets));
});
afterAll(async () => {
  await place[Symbol.asyncDispose]();
  await postgres?.[Symbol.asyncDispose]();
});

async function lookEverywhere(search: Search): Promise<Findings> {
  const isNew = async (path: string) => ((await stat(path).catch(() => undefined))?.mtimeMs ?? 0) >= startedMs;
  const [home, temporary, sharedMemory, deletedFiles, rows] = await Promise.all([
    search.inFolder(place.home),
    search.inFolder(place.temporary),
    search.inFolder('/dev/shm', isNew),
    inDeletedFiles(search, startedMs),
    databaseUrl === undefined ? '' : journalText(databaseUrl),
  ]);
  const journal = [...search.in(rows)].map((secret) => ({ secret, where: 'journal' }));
  return { home, temporary, journal, sharedMemory, deletedFiles };
}

/** What SECURITY.md says lies in the data directory, each in its one file. */
const KEPT: readonly Found[] = [
  { secret: "the local archive's secret", where: 'archive/credentials.json' },
  { secret: 'ca key', where: 'keys/ca.pem' },
  { secret: 'evidence key', where: 'keys/evidence.pem' },
  { secret: 'receipt key', where: 'keys/receipt.pem' },
];
const sorted = (found: readonly Found[]): readonly Found[] =>
  found.toSorted((a, b) => `${a.where} ${a.secret}`.localeCompare(`${b.where} ${b.secret}`));

describe('while a script is at work', () => {
  test('no secret is in state, journal, logs or evidence: each that is kept lies in its own file', () => {
    expect(sorted(during.home)).toEqual(KEPT);
    expect(during).toMatchObject({ temporary: [], journal: [], sharedMemory: [], deletedFiles: [] });
  });

  test('no secret is in an argument or in a child’s environment, but the archive server’s own in its', async () => {
    const search = new Search(secrets);
    expect(run.children.length).toBeGreaterThanOrEqual(2);
    const handed = run.children.flatMap(({ file, args, env }) => {
      const name = [file, ...args].find((word) => /versitygw|qemu-system/.test(word)) ?? file;
      return [...search.in([...args, ...env].join('\0'))].map((secret) => `${secret}: ${name.replace(/^.*\//, '')}`);
    });
    expect([...new Set(handed)]).toEqual(["the local archive's secret: versitygw"]);
    const children = (await familyOf(run.pid)).filter((pid) => pid !== run.pid);
    expect(await inProcesses(search, children)).toEqual([
      { secret: "the local archive's secret", where: 'versitygw environ' },
    ]);
  });

  test('control: the caller’s own environment has what the caller put there', async () => {
    const found = (await inProcesses(new Search(secrets), [run.pid])).map(({ secret }) => secret);
    const password = databaseUrl === undefined ? [] : ['database password'];
    expect(found.toSorted()).toEqual(['an environment token', 'archive secret in the environment', ...password]);
  });

  test.runIf(isRoot)('control: the guest’s canaries and the disk’s keys are in QEMU’s memory', async () => {
    const names = await new Search(secrets).inStream(memoryOf(run.qemu));
    for (const name of ['memory', 'disk', 'done', 'passphrase of the scratch disk']) expect([...names]).toContain(name);
  });

  test('control: with its passphrase the disk tells its canary', async () => {
    const passphrase = run.secrets['passphrase of the scratch disk']?.toString('base64url') ?? '';
    await using opened = await openedDisk(run.disk, passphrase, place.scripts);
    expect([...(await new Search(run.planted).inStream(opened.stream))]).toContain('disk');
  });

  test('no process of it may leave its memory in a core, and nothing of it was swapped out', async () => {
    const family = await familyOf(run.pid);
    expect(family.length).toBeGreaterThanOrEqual(3);
    for (const pid of family) {
      const read = (name: string) => readFile(`/proc/${pid}/${name}`, 'utf8');
      expect(await read('limits')).toMatch(/^Max core file size +0 +0 /m);
      expect(await read('coredump_filter')).toBe('00000000\n');
      expect(await read('status')).toMatch(/^VmSwap:\s+0 kB$/m);
    }
  });
});

describe('when it is burned', () => {
  beforeAll(async () => {
    ended = await run.end();
    after = await lookEverywhere(new Search(secrets));
  });

  test('nothing of the guest’s memory or disk, and no secret, is left on this host', () => {
    expect(ended.stderr + ended.stdout).toContain('destroyed');
    expect(sorted(after.home)).toEqual(KEPT);
    expect(after).toMatchObject({ temporary: [], journal: [], sharedMemory: [], deletedFiles: [] });
  });

  test('nor in what the command said', () => {
    expect([...new Search(secrets).in(ended.stdout + ended.stderr)]).toEqual([]);
  });
});

describe('the image', () => {
  test('has no secret of the installation that built it', async () => {
    const home = preparedHome();
    const { directory } = await currentImage(home);
    // Where nothing has run yet, the installation has no keys; those of the run above are looked for all the same.
    const kept = existsSync(join(home, 'keys', 'receipt.pem')) ? await keptSecrets(home) : {};
    const search = new Search({ ...kept, ...secrets });
    for await (const stream of imageContents(directory, place.scripts))
      expect([...(await search.inStream(stream))]).toEqual([]);
  });
});

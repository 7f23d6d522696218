import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import * as z from 'zod';
import { OPERATIONS } from '../../orchestrator/operations/index.ts';
import { lockHome } from '../../orchestrator/run/home-lock.ts';
import { RunSummary } from '../../orchestrator/run/summary.ts';
import { temporaryArchive } from '../support/archive.ts';
import { burnbag, type Ended, parseDocument, type StartOptions } from '../support/burnbag.ts';
import { leftovers } from '../support/census.ts';
import { canHaveNamespaces, withFullPorts, withMounts } from '../support/deprived.ts';
import { makeTestHome, type TestHome } from '../support/home.ts';

/*
 * Everything a user, or the machine, can get wrong: each with a stable code, an exit code, and expected, got and hint; none leaves anything
 * behind, and no run gets further than `refused`. The commands are real processes; what is missing is really missing.
 */
const LIMIT_MS = 300_000;
vi.setConfig({ testTimeout: LIMIT_MS, hookTimeout: LIMIT_MS });
const SCRIPT = '#!/bin/sh\nid\n';

let place: TestHome;
beforeAll(async () => {
  place = await makeTestHome();
  await place.write('id.sh', SCRIPT);
  await place.write('no-interpreter', 'id\n');
  await place.write('large.sh', Buffer.concat([Buffer.from(SCRIPT), Buffer.alloc(4 * 1024 * 1024)]));
});
afterAll(() => place[Symbol.asyncDispose]());

const Explanation = z.strictObject({
  schema: z.literal('burnbag.error/1'),
  code: z.string(),
  expected: z.string().min(1),
  got: z.string().min(1),
  hint: z.string().min(1),
});

const actions = (...list: object[]): StartOptions => ({ input: JSON.stringify(list) });
const RUN = ['run', '-', '--profile', 'detonation', '--task', 'bad-input'];

describe('is refused before anything is opened:', () => {
  test.concurrent.each<[what: string, args: string[], options: StartOptions, code: string, exit: number]>([
    ['an unknown command', ['explode'], {}, 'bad_argument', 64],
    ['an unknown option', ['runs', '--all'], {}, 'bad_argument', 64],
    ['a time that is no number', ['detonate', 'id.sh', '--timeout', 'soon'], {}, 'bad_argument', 64],
    ['a time of nothing', ['detonate', 'id.sh', '--timeout', '0'], {}, 'bad_argument', 64],
    ['an unknown stream', ['logs', '0123456789ab', 'diary'], {}, 'bad_argument', 64],
    ['an unknown action', RUN, actions({ action: 'format_disk', args: {} }), 'bad_actions', 65],
    ['an unknown field', RUN, actions({ action: 'check_health', args: {}, sudo: true }), 'bad_actions', 65],
    ['an unknown argument', RUN, actions({ action: 'check_health', args: { sudo: true } }), 'bad_actions', 65],
    ['a wrong type', RUN, actions({ action: 'tail_log', args: { path: 7, lines: 'all' } }), 'bad_actions', 65],
    ['an id of the caller’s own', RUN, actions({ action: 'check_health', args: {}, id: 1 }), 'bad_actions', 65],
    [
      'a path with a second reading',
      RUN,
      actions({ action: 'read_file', args: { path: '/work/in/../../etc/shadow', max_bytes: 10 } }),
      'bad_actions',
      65,
    ],
    ['actions that are no JSON', RUN, { input: '{"action": check_health}' }, 'bad_actions', 65],
    ['no actions at all', RUN, {}, 'bad_actions', 65],
    ['a missing script', ['detonate', 'nowhere.sh'], {}, 'no_such_script', 66],
    ['a script that is a folder', ['detonate', '.'], {}, 'no_such_script', 66],
    ['a script over the size limit', ['detonate', 'large.sh'], {}, 'script_too_large', 65],
    ['a script without an interpreter', ['detonate', 'no-interpreter'], {}, 'script_without_interpreter', 65],
    ['a bundle that is not there', ['verify', 'nowhere'], {}, 'no_evidence', 66],
  ])('%s', async (_what, args, options, code, exit) => {
    const before = await readdir(place.home);
    expectError(await burnbag(place, [...args, '--json'], options), code, exit);
    expect(await readdir(place.home)).toEqual(before);
  });

  test('without --json, in four lines on stderr', async () => {
    const { exitCode, stdout, stderr } = await burnbag(place, ['detonate', 'nowhere.sh']);
    expect({ exitCode, stdout }).toEqual({ exitCode: 66, stdout: '' });
    expect(stderr).toMatch(
      /^burnbag: no_such_script\n {2}expected .+\n {2}got {6}nowhere\.sh: ENOENT\n {2}hint {5}.+\n$/,
    );
  });
});

describe('a configuration', () => {
  afterAll(() => rm(join(place.home, 'config.json'), { recursive: true, force: true }));
  test.each([
    ['that is no JSON', '{ engine: "embedded" }'],
    ['with an unknown field', '{ "engin": "embedded" }'],
    ['with a wrong type', '{ "archive": { "retention_days": "forever" } }'],
    ['that cannot be read', undefined],
  ])('%s is refused', async (_what, content) => {
    const file = join(place.home, 'config.json');
    await (content === undefined ? mkdir(file) : writeFile(file, content));
    expectError(await burnbag(place, ['detonate', 'id.sh', '--json']), 'bad_configuration', 78);
    await rm(file, { recursive: true });
  });
});

describe('a request outside its profile is on record as refused:', () => {
  const shadow = { action: 'read_file', args: { path: '/etc/shadow', max_bytes: 10 } };
  test.each<[what: string, args: string[], options: StartOptions, code: string, exit: number]>([
    ['a path outside the allowlist', RUN, actions(shadow), 'refused_by_policy', 77],
    ['a TTL below the range', ['detonate', 'id.sh', '--ttl', '5'], {}, 'refused_by_policy', 77],
    ['a TTL above the range', ['detonate', 'id.sh', '--ttl', '86400'], {}, 'refused_by_policy', 77],
    ['an unknown profile', ['detonate', 'id.sh', '--profile', 'lax'], {}, 'bad_argument', 64],
  ])('%s', async (_what, args, options, code, exit) => {
    expectRefusedRun(await burnbag(place, [...args, '--json'], options), code, exit);
  });

  test.each([
    ['an unknown run', ['show', 'ffffffffffff'], 'run_not_found', 66],
    ['a run id that is none', ['show', 'latest'], 'bad_argument', 64],
  ])('%s is not found', async (_what, args, code, exit) => {
    expectError(await burnbag(place, [...args, '--json']), code, exit);
  });
});

describe('an archive', () => {
  afterAll(() => place.configure(undefined));

  test('without Object Lock takes no evidence, so nothing is started', async () => {
    await using store = await temporaryArchive();
    const { endpoint, region, credentials } = store.server;
    const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
    await client.send(new CreateBucketCommand({ Bucket: 'plain' }));
    client.destroy();
    await place.configure({ archive: { endpoint, bucket: 'plain' } });
    const env = { AWS_ACCESS_KEY_ID: credentials.accessKeyId, AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey };
    expectRefusedRun(await burnbag(place, ['detonate', 'id.sh', '--json'], { env }), 'no_object_lock', 78);
    const wrong = { ...env, AWS_SECRET_ACCESS_KEY: 'wrong' };
    expectRefusedRun(await burnbag(place, ['detonate', 'id.sh', '--json'], { env: wrong }), 'denied', 78);
  });

  test('that does not answer, or whose key is missing, is said to be so', async () => {
    await place.configure({ archive: { endpoint: 'http://127.0.0.1:9' } });
    const env = { AWS_ACCESS_KEY_ID: 'nobody', AWS_SECRET_ACCESS_KEY: 'nothing' };
    expectRefusedRun(await burnbag(place, ['detonate', 'id.sh', '--json'], { env }), 'unreachable', 69);
    expectRefusedRun(await burnbag(place, ['detonate', 'id.sh', '--json']), 'bad_configuration', 78);
  });
});

test('a second process on the same data directory is refused', async () => {
  await using _lock = await lockHome(place.home);
  expectError(await burnbag(place, ['detonate', 'id.sh', '--json']), 'home_busy', 75);
  expectError(await burnbag(place, ['runs', '--json']), 'home_busy', 75);
});

/** Needs namespaces of the kernel's, as root or as a user who may make some: elsewhere these are skipped, and say so. */
describe.skipIf(!canHaveNamespaces())('a host', () => {
  test('without QEMU is told what to install', async () => {
    const options = { through: await withMounts(place, { hide: ['qemu-system-x86_64', 'apt-get'] }) };
    expectError(await burnbag(place, ['detonate', 'id.sh', '--json'], options), 'unsupported_host', 69);
  });

  test('without space for the scratch disk boots nothing', async () => {
    const options = { through: await withMounts(place, { full: ['live'], mebibytes: 16 }) };
    const ended = await burnbag(place, ['detonate', 'id.sh', '--json'], options);
    const run = RunSummary.parse(parseDocument(ended));
    expect(run).toMatchObject({ state: 'destroyed', outcome: 'failed', result: { burn: { not_gone: [] } } });
    expect(run.result?.failures[0]?.code).toBe('no_space');
    expect(ended.exitCode).toBe(73);
  });

  test('with a full disk keeps no journal, so runs nothing', async () => {
    await rm(join(place.home, 'journal'), { recursive: true });
    const options = { through: await withMounts(place, { full: ['journal'], mebibytes: 4 }) };
    expectError(await burnbag(place, ['detonate', 'id.sh', '--json'], options), 'journal_full', 73);
  });

  test('without a free port starts no archive, so runs nothing', async () => {
    const options = { through: await withFullPorts(place) };
    expectRefusedRun(await burnbag(place, ['detonate', 'id.sh', '--json'], options), 'server_failed', 69);
  });
});

describe('after all that', () => {
  test('nothing is left, and no run got further than refused', async () => {
    expect(await leftovers(place)).toEqual([]);
    const { runs } = OPERATIONS.runs.result.parse(parseDocument(await burnbag(place, ['runs', '--json'])));
    for (const run of runs) expect(run.state === 'refused' || run.outcome === 'failed').toBe(true);
  });
});

function expectError(ended: Ended, code: string, exit: number): void {
  expect(Explanation.parse(parseDocument(ended)).code).toBe(code);
  expect(ended.exitCode).toBe(exit);
}

/** The run is there, refused, with its reason; nothing else of it is. */
function expectRefusedRun(ended: Ended, code: string, exit: number): void {
  const run = RunSummary.parse(parseDocument(ended));
  expect(run).toMatchObject({ state: 'refused', result: { phases: [], answers: [], evidence: null, burn: null } });
  expect(run.result?.failures.map((failure) => failure.code)).toEqual([code]);
  expect(ended.exitCode).toBe(exit);
}

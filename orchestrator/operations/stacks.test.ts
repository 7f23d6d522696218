import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import * as pulumi from '@pulumi/pulumi';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ownIdentity } from '../../infra/engine/backend/process-identity.ts';
import type { OpenStack } from '../../infra/pulumi/stack.ts';
import { openStack } from '../../infra/pulumi/stack.ts';
import { TestProvider } from '../../test/support/provider.ts';
import { lockHome } from '../run/home-lock.ts';
import { OPERATIONS } from './index.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const RUN = 'fc53d128d5ea';

class Bag extends pulumi.ProviderResource {
  constructor() {
    super('bag', 'p');
  }
}

class Box extends pulumi.CustomResource {
  constructor(name: string, provider: Bag) {
    super('bag:index:Box', name, { password: pulumi.secret('hunter2'), made: undefined }, { provider });
  }
}

let home = '';
let provider: TestProvider;
let stack: OpenStack;
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'stacks-'));
  provider = await TestProvider.start();
  stack = await open(RUN);
  await stack.up(new AbortController().signal, () => undefined);
});
afterAll(() => {
  provider.stop();
  rmSync(home, { recursive: true });
});

const open = (run: string): Promise<OpenStack> =>
  openStack({
    name: `run-${run}`,
    project: 'burnbag',
    program: () => Promise.resolve({ made: new Box('a', new Bag()).urn }),
    backendDir: join(home, 'state'),
    workDir: join(home, 'live', run),
    engine: 'embedded',
    passphrase: 'x',
    providers: { bag: provider.address },
  });

interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command in a process of its own. */
async function burnbag(...args: string[]): Promise<Said> {
  const { PATH = '' } = process.env;
  try {
    const said = await promisify(execFile)(process.execPath, [join(ROOT, 'orchestrator', 'main.ts'), ...args], {
      env: { PATH, BURNBAG_HOME: home },
      timeout: 60_000,
    });
    return { code: 0, ...said };
  } catch (error) {
    return error as Said;
  }
}

const shown = (text: string) => OPERATIONS.stack_show.result.parse(JSON.parse(text));

it('lists and shows stacks, secrets masked, while another process holds the data directory', async () => {
  await using held = await lockHome(home);
  const { stdout: listed } = await burnbag('--json', 'stack', 'ls');
  expect(OPERATIONS.stack_ls.result.parse(JSON.parse(listed)).stacks).toMatchObject([
    { name: `run-${RUN}`, run_id: RUN, resource_count: 3, locks: [], pending: [], problem: null },
  ]);
  const { stdout } = await burnbag('--json', 'stack', 'show', RUN.slice(0, 4));
  const box = shown(stdout).resources.find(({ name }) => name === 'a');
  expect(box).toMatchObject({ type: 'bag:index:Box', outputs: { password: '[secret]', made: 'a' } });
  const { stdout: forPeople } = await burnbag('stack', 'show', `run-${RUN}`);
  expect(forPeople).toContain('password: [secret]');
  expect(stdout + forPeople).not.toContain('hunter2');
  expect(held.owner.pid).toBe(process.pid);
});

it('changes nothing', async () => {
  const files = (): string[] => readdirSync(join(home, 'state'), { recursive: true, encoding: 'utf8' }).toSorted();
  const before = files();
  for (const args of [['ls'], ['show', RUN], ['export', RUN]]) await burnbag('stack', ...args);
  expect(files()).toEqual(before);
});

it('exports what an import takes: the same objects, secrets still encrypted', async () => {
  const { stdout } = await burnbag('stack', 'export', RUN);
  expect(stdout).toContain('ciphertext');
  expect(stdout).not.toContain('hunter2');
  const { deployment } = JSON.parse(stdout) as { deployment: unknown };
  const file = JSON.parse(
    readFileSync(join(home, 'state', '.pulumi', 'stacks', 'burnbag', `run-${RUN}.json`), 'utf8'),
  ) as {
    checkpoint: { latest: unknown };
  };
  expect(deployment).toEqual(file.checkpoint.latest);
});

it('says who holds a stack and what of it is pending', async () => {
  const other = await open('aaaaaaaaaaaa');
  const { promise: started, resolve: begin } = Promise.withResolvers<undefined>();
  const { promise: gone, resolve: go } = Promise.withResolvers<undefined>();
  provider.on('create', 'a', () => {
    begin(undefined);
    return gone.then(() => undefined);
  });
  const up = other.up(new AbortController().signal, () => undefined);
  await started;
  const { stdout } = await burnbag('--json', 'stack', 'show', 'aaaa');
  const { stdout: forPeople } = await burnbag('stack', 'ls');
  go(undefined);
  await up;
  expect(shown(stdout)).toMatchObject({
    locks: [{ pid: String(process.pid), proven_dead: false }],
    pending: [{ type: 'creating', urn: 'urn:pulumi:run-aaaaaaaaaaaa::burnbag::bag:index:Box::a' }],
  });
  expect(forPeople).toMatch(/run-aaaaaaaaaaaa .*1 pending, locked by .* pid \d+/);
  expect(forPeople).toMatch(/run-fc53d128d5ea .*free/);
  await other.destroy(() => undefined);
  await other.remove();
});

it('tells the lock of a dead process from one that nobody can judge', async () => {
  const locks = join(home, 'state', '.pulumi', 'locks', 'organization', 'burnbag', `run-${RUN}`);
  mkdirSync(locks, { recursive: true });
  writeFileSync(join(locks, 'a.json'), JSON.stringify({ ...ownIdentity(), username: 'me', started: '1' }));
  writeFileSync(join(locks, 'b.json'), '{"pid": 1');
  const { stdout } = await burnbag('--json', 'stack', 'show', RUN);
  expect(shown(stdout).locks.toSorted((a, b) => a.file.localeCompare(b.file))).toMatchObject([
    { user: 'me', proven_dead: true },
    { user: '?', proven_dead: false },
  ]);
  expect((await burnbag('stack', 'ls')).stdout).toContain('who is dead');
  rmSync(locks, { recursive: true });
});

it.each([
  ['a stack nobody has', ['show', 'nobody'], 66, 'no_such_stack'],
  ['a name that is a path', ['show', '../x'], 64, 'bad_argument'],
  ['a verb there is not', ['burn', RUN], 64, 'bad_argument'],
])('refuses %s', async (_, args, code, said) => {
  const { code: exit, stdout } = await burnbag('--json', 'stack', ...args);
  expect(exit).toBe(code);
  expect(JSON.parse(stdout)).toMatchObject({ schema: 'burnbag.error/1', code: said });
});

it('a broken state hides no other stack, and is refused by show and export', async () => {
  const file = join(home, 'state', '.pulumi', 'stacks', 'burnbag', 'run-bbbbbbbbbbbb.json');
  writeFileSync(file, '{"version":3');
  const { stdout, code } = await burnbag('--json', 'stack', 'ls');
  expect(code).toBe(0);
  const { stacks } = OPERATIONS.stack_ls.result.parse(JSON.parse(stdout));
  expect(stacks.map(({ name, problem }) => [name, problem === null])).toEqual([
    ['run-bbbbbbbbbbbb', false],
    [`run-${RUN}`, true],
  ]);
  for (const verb of ['show', 'export']) expect((await burnbag('stack', verb, 'bbbb')).code, verb).toBe(65);
  rmSync(file);
});

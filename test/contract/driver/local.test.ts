import { once } from 'node:events';
import { mkdir, readdir, readFile, symlink } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ConcreteId, Sandbox } from '../../../infra/driver.ts';
import { createLocalDriver, type LocalDriver } from '../../../infra/index.ts';
import { findImage } from '../../../infra/local/image.ts';
import { tryBoot } from '../../../infra/local/machine/probe.ts';
import { makeLocalRig } from '../../support/local-rig.ts';
import { keepingObserver, makeHome, preparedHome } from '../../support/sandbox.ts';
import { describeDriver } from './contract.ts';
import { requestOf } from './request.ts';

/*
 * The local driver against a real QEMU, the real image and the embedded engine: first what holds for every driver, then what is its own. One
 * guest of the second part boots to READY and is shared.
 */
describeDriver('local', makeLocalRig);

const never = new AbortController().signal;
const ignore = (): void => undefined;

let place: Awaited<ReturnType<typeof makeHome>>;
let driver: LocalDriver;
const newDriver = (): LocalDriver =>
  createLocalDriver({ home: place.home, installationId: `contract-${process.pid}`, engine: 'embedded' });

beforeAll(async () => {
  place = await makeHome();
  driver = newDriver();
  await driver.warm();
});
afterAll(async () => {
  for (const id of await driver.inventory()) await driver.destroy(runOf(id), [id], ignore);
  await place[Symbol.asyncDispose]();
});

const runOf = ({ id, detail }: ConcreteId): string => /[0-9a-f]{12}(?=$|\/)/.exec(detail['label'] ?? id)?.[0] ?? '';
const statesOf = async (by: LocalDriver, ids: readonly ConcreteId[]): Promise<Set<string>> =>
  new Set((await Promise.all(ids.map((id) => by.observe(id)))).map(({ state }) => state));

describe('a sandbox that said READY', () => {
  const RUN = 'aa0000000001';
  const observer = keepingObserver();
  let sandbox: Sandbox;
  let pid = '';
  beforeAll(async () => {
    sandbox = await driver.provision(requestOf(RUN), observer, never);
    pid = observer.ids.find(({ kind, detail }) => kind === 'process' && 'pid' in detail)?.detail['pid'] ?? '';
  });

  test('is what the control plane says it is', () => {
    expect(sandbox).toMatchObject({
      address: { path: join(place.home, 'live', RUN, 'ssh.sock') },
      relaySourceAddress: '10.0.2.2',
      engine: 'embedded',
      stack: `run-${RUN}`,
    });
    expect(observer.ids.map(({ detail }) => detail['machine_id'])).toContain(sandbox.machineId);
    expect(sandbox.hostKey).toMatch(/^ssh-ed25519 [\w+/]{68}$/);
    expect(observer.events.length).toBeGreaterThan(0);
  });

  test('runs unprivileged: no new privileges, no capabilities, a seccomp filter, a user of its own', async () => {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    expect(status).toMatch(/^CapEff:\t0+$/m);
    expect(status).toMatch(/^Seccomp:\t2$/m);
    const uid = Number(/^Uid:\t([0-9]+)/m.exec(status)?.[1]);
    expect(uid).not.toBe(0);
    if (process.getuid?.() === 0) expect(uid).toBeGreaterThanOrEqual(65_534);
    expect(await readFile(`/proc/${pid}/limits`, 'utf8')).toMatch(/^Max core file size +0 +0 /m);
  });

  test('knows no path of the data directory, so needs none', async () => {
    const argv = await readFile(`/proc/${pid}/cmdline`, 'latin1');
    expect(argv).not.toContain(place.home);
    expect((await readFile(`/proc/${pid}/environ`, 'latin1')).split('\0').filter(Boolean)).toEqual(['LC_ALL=C']);
  });

  test('answers at its socket, and holds no other', async () => {
    expect(sandbox.reach).toBe('wire');
    if (!('path' in sandbox.address)) throw new Error('expected a unix socket');
    const socket = createConnection(sandbox.address.path);
    const [greeting] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    expect(greeting.toString()).toMatch(/^SSH-2\.0-/);
    expect(observer.ids.filter(({ kind }) => kind === 'port')).toEqual([]);
  });

  test('fills its streams while it runs', async () => {
    expect((await readFile(sandbox.streams.console, 'utf8')).includes(sandbox.machineId)).toBe(true);
    expect((await readFile(sandbox.streams.audit ?? '', 'utf8')).length).toBeGreaterThan(0);
  });

  test('is burnt: every id was deleted, is observed gone, and nothing at all is left', async () => {
    const deletions = await driver.destroy(RUN, observer.ids, ignore);
    expect(deletions.map(({ target }) => target.id)).toEqual(expect.arrayContaining(observer.ids.map(({ id }) => id)));
    expect(deletions.find(({ target }) => target.kind === 'disk')?.how).toBe('pulumi destroy');
    await expectNothingLeft(observer.ids);
  });
});

test('a boot that is disturbed by kill -9 of QEMU is told as such, and burnt by another process from the manifest alone', async () => {
  const observer = onProcess((pid) => process.kill(pid, 'SIGKILL'));
  const failed = await driver.provision(requestOf('aa0000000002'), observer, never).catch((error: unknown) => error);
  expect(failed, String(failed)).toMatchObject({
    code: 'machine_died',
  });
  const stranger = newDriver();
  await stranger.destroy('aa0000000002', observer.ids, ignore);
  expect(await statesOf(stranger, observer.ids)).toEqual(new Set(['gone']));
  await driver.destroy('aa0000000002', [], ignore);
  await expectNothingLeft(observer.ids);
});

test('where the path of the socket would be too long nothing is begun', async () => {
  const observer = keepingObserver();
  const home = join(place.home, 'x'.repeat(100));
  await mkdir(home);
  await symlink(join(preparedHome(), 'image'), join(home, 'image'));
  const deep = createLocalDriver({ home, installationId: 'x', engine: 'embedded' });
  await expect(deep.provision(requestOf('aa0000000007'), observer, never)).rejects.toMatchObject({
    code: 'bad_request',
  });
  expect(observer.ids).toEqual([]);
});

test('without an image nothing is begun', async () => {
  const observer = keepingObserver();
  const bare = createLocalDriver({ home: join(place.home, 'elsewhere'), installationId: 'x', engine: 'embedded' });
  await expect(bare.provision(requestOf('aa0000000006'), observer, never)).rejects.toMatchObject({ code: 'no_image' });
  expect(observer.ids).toEqual([]);
});

test('a probe boot succeeds where guests run, and fails at its limit where they do not come up', async () => {
  const image = await findImage(preparedHome());
  expect(await tryBoot('tcg', image, 20_000)).toMatchObject({ reached: true });
  expect(await tryBoot('tcg', image, 10)).toEqual({ reached: false, said: 'nothing within 0.01 s' });
});

/** An observer that does something the moment a machine's process is known. */
function onProcess(disturb: (pid: number) => unknown): ReturnType<typeof keepingObserver> {
  const observer = keepingObserver();
  const { record } = observer;
  return Object.assign(observer, {
    record: async (id: ConcreteId) => {
      await record(id);
      if (id.kind === 'process' && id.detail['pid'] !== undefined) disturb(Number(id.detail['pid']));
    },
  });
}

/** Asked of the driver and, by other means, of the host. */
async function expectNothingLeft(ids: readonly ConcreteId[]): Promise<void> {
  expect(await statesOf(driver, ids)).toEqual(new Set(['gone']));
  expect(await driver.inventory()).toEqual([]);
  expect(await readdir(join(place.home, 'live'))).toEqual([]);
  const commands = await Promise.all(
    (await readdir('/proc')).map((pid) => readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '')),
  );
  expect(commands.filter((command) => command.includes(`-name\0burnbag-contract-${process.pid}-`))).toEqual([]);
  const left = await readdir(join(place.home, 'state'), { recursive: true }).catch(() => []);
  expect(left.filter((path) => path.includes('run-'))).toEqual([]);
}

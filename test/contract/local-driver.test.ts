import { once } from 'node:events';
import { mkdir, readdir, readFile, symlink } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ConcreteId, ProvisionRequest, Sandbox } from '../../infra/driver.ts';
import { createLocalDriver, type LocalDriver } from '../../infra/index.ts';
import { findImage } from '../../infra/local/image.ts';
import { tryBoot } from '../../infra/local/machine/probe.ts';
import { keepingObserver, makeHome, makePublicKeyLine, preparedHome } from '../support/sandbox.ts';

/*
 * The local driver against a real QEMU, the real image and the embedded engine. One guest boots to READY and is shared;
 * the other runs end before theirs does, which is what they are about.
 */

const never = new AbortController().signal;
const ignore = (): void => undefined;
const request = (runId: string): ProvisionRequest => ({
  runId,
  caPublicKey: makePublicKeyLine(),
  profile: { memoryMiB: 512, cpus: 1, scratchMiB: 64 },
  lifetimeSeconds: 120,
  tunnels: [],
});

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
    sandbox = await driver.provision(request(RUN), observer, never);
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

  test('has every id that can be found in its manifest, and all of them are there', async () => {
    const named = new Set(observer.ids.map(({ kind, id }) => `${kind} ${id}`));
    const found = await driver.inventory(RUN);
    const inside = join(place.home, 'live', RUN, 'pulumi');
    expect(found.map(({ kind, id }) => `${kind} ${id}`).filter((id) => !named.has(id))).toEqual([
      `directory ${inside}`,
    ]);
    expect(await statesOf(driver, observer.ids)).toEqual(new Set(['present']));
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

  test('may be burnt again', async () => {
    const deletions = await driver.destroy(RUN, observer.ids, ignore);
    expect(new Set(deletions.map(({ how }) => how))).toEqual(new Set(['already gone']));
  });
});

describe('a boot that is disturbed', () => {
  test('by kill -9 of QEMU is told as such, and burnt by another process from the manifest alone', async () => {
    const observer = onProcess((pid) => process.kill(pid, 'SIGKILL'));
    const failed = await driver.provision(request('aa0000000002'), observer, never).catch((error: unknown) => error);
    expect(failed, String(failed)).toMatchObject({
      code: 'machine_died',
    });
    const stranger = newDriver();
    await stranger.destroy('aa0000000002', observer.ids, ignore);
    expect(await statesOf(stranger, observer.ids)).toEqual(new Set(['gone']));
    await driver.destroy('aa0000000002', [], ignore);
    await expectNothingLeft(observer.ids);
  });

  test('by a request to stop ends at once, and is burnt although the manifest was lost', async () => {
    const stop = new AbortController();
    // Later than the spawn: a QEMU that has not read its key yet would not outlive the request.
    const observer = onProcess(() =>
      setTimeout(() => {
        stop.abort();
      }, 500),
    );
    await expect(driver.provision(request('aa0000000003'), observer, stop.signal)).rejects.toMatchObject({
      code: 'cancelled',
    });
    expect((await driver.inventory('aa0000000003')).some(({ kind }) => kind === 'process')).toBe(true);
    const stranger = newDriver();
    await stranger.destroy('aa0000000003', [], ignore);
    await driver.destroy('aa0000000003', [], ignore);
    await expectNothingLeft(observer.ids);
  });

  test('by a manifest that cannot be written leaves no machine', async () => {
    const observer = keepingObserver();
    const { record } = observer;
    const failing = {
      ...observer,
      record: (id: ConcreteId) => ('pid' in id.detail ? Promise.reject(new Error('disk full')) : record(id)),
    };
    await expect(driver.provision(request('aa0000000005'), failing, never)).rejects.toMatchObject({
      code: 'stack_failed',
    });
    await driver.destroy('aa0000000005', observer.ids, ignore);
    await expectNothingLeft(observer.ids);
  });
});

test('where the path of the socket would be too long nothing is begun', async () => {
  const observer = keepingObserver();
  const home = join(place.home, 'x'.repeat(100));
  await mkdir(home);
  await symlink(join(preparedHome(), 'image'), join(home, 'image'));
  const deep = createLocalDriver({ home, installationId: 'x', engine: 'embedded' });
  await expect(deep.provision(request('aa0000000007'), observer, never)).rejects.toMatchObject({ code: 'bad_request' });
  expect(observer.ids).toEqual([]);
});

test('without an image nothing is begun', async () => {
  const observer = keepingObserver();
  const bare = createLocalDriver({ home: join(place.home, 'elsewhere'), installationId: 'x', engine: 'embedded' });
  await expect(bare.provision(request('aa0000000006'), observer, never)).rejects.toMatchObject({ code: 'no_image' });
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

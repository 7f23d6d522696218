import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ConcreteId, Sandbox, SandboxDriver } from '../../../infra/driver.ts';
import { keepingObserver, type KeepingObserver } from '../../support/sandbox.ts';
import { requestOf } from './request.ts';

/** One driver with everything it needs, and other means than its own of looking at what it did. */
export interface DriverRig extends AsyncDisposable {
  readonly home: string;
  /** A driver as another process would have it: nothing in memory of what the others did. */
  newDriver(): SandboxDriver;
  /** Everything of any run that exists now, by names a person understands: not asked of the driver. */
  existing(): Promise<readonly string[]>;
  /** Something that looks like a run's and is another installation's; what it is called in `existing`. */
  makeLookAlike(runId: string): Promise<string>;
  /** Ids of a manifest that this driver must refuse: of somebody else, or of another kind of control plane. */
  readonly foreignIds: readonly ConcreteId[];
}

const never = new AbortController().signal;
const ignore = (): void => undefined;

/** What holds for every driver. Every run of it boots; `rig` makes the world it boots in. */
export function describeDriver(name: string, makeRig: () => Promise<DriverRig>): void {
  describe(`the ${name} driver`, () => {
    let rig: DriverRig;
    let driver: SandboxDriver;
    beforeAll(async () => {
      rig = await makeRig();
      driver = rig.newDriver();
    });
    afterAll(async () => {
      await rig[Symbol.asyncDispose]();
    });

    const statesOf = async (by: SandboxDriver, ids: readonly ConcreteId[], turn = 0): Promise<Set<string>> =>
      new Set((await Promise.all(ids.map((id) => by.observe(id, turn)))).map(({ state }) => state));
    const expectNothingLeft = async (ids: readonly ConcreteId[], runId: string): Promise<void> => {
      for (const turn of [0, 1]) expect(await statesOf(driver, ids, turn)).toEqual(new Set(['gone']));
      expect(await driver.inventory(runId)).toEqual([]);
      expect((await rig.existing()).filter((one) => one.includes(runId))).toEqual([]);
    };

    describe('a sandbox that said READY', () => {
      const RUN = 'ab0000000001';
      const observer = keepingObserver();
      let sandbox: Sandbox;
      beforeAll(async () => {
        sandbox = await driver.provision(requestOf(RUN), observer, never);
      });

      test('is what the control plane says it is', () => {
        expect(driver.name).toBe(name);
        expect(sandbox).toMatchObject({ engine: 'embedded', stack: `run-${RUN}` });
        expect(sandbox.machineId).toMatch(/^([0-9a-f-]{36}|i-[0-9a-f]{8,17})$/);
        expect(sandbox.hostKey).toMatch(/^ssh-ed25519 [\w+/]{68}$/);
        expect(observer.events.length).toBeGreaterThan(0);
      });

      test('has every id that can be found in its manifest, and all of them are there, whoever looks and how', async () => {
        const named = new Set(observer.ids.map(({ kind, id }) => `${kind} ${id}`));
        const found = await driver.inventory(RUN);
        const inside = join(rig.home, 'live', RUN, 'pulumi');
        const unnamed = found.map(({ kind, id }) => `${kind} ${id}`).filter((id) => !named.has(id));
        expect(unnamed.filter((id) => id !== `directory ${inside}`)).toEqual([]);
        expect(found.length).toBeGreaterThan(3);
        for (const by of [driver, rig.newDriver()])
          for (const turn of [0, 1]) expect(await statesOf(by, observer.ids, turn)).toEqual(new Set(['present']));
      });

      test('is found with its age, by every driver of this installation', async () => {
        const [found] = (await rig.newDriver().inventory()).filter(({ since }) => since !== undefined);
        expect(found?.runId).toBe(RUN);
        expect(Math.abs(Date.now() - Date.parse(found?.since ?? ''))).toBeLessThan(600_000);
      });

      test('has its streams where another process finds them, and they are being filled', async () => {
        expect(await rig.newDriver().streams(RUN)).toEqual(sandbox.streams);
        expect(await rig.newDriver().streams('ffffffffffff')).toBeUndefined();
      });

      test('cannot be provisioned again', async () => {
        const again = driver.provision(requestOf(RUN), keepingObserver(), never);
        await expect(again).rejects.toMatchObject({ code: 'bad_request' });
      });

      test('is spared by the burn of another run whose manifest names it', async () => {
        const stranger = rig.newDriver();
        await expect(stranger.destroy('ab00000000ff', observer.ids, ignore)).rejects.toMatchObject({
          code: 'not_deleted',
        });
        expect(
          await statesOf(
            driver,
            observer.ids.filter(({ kind }) => kind !== 'stack'),
          ),
        ).toEqual(new Set(['present']));
      });

      test('is burnt: every id was deleted, is observed gone, and nothing at all is left', async () => {
        const deletions = await driver.destroy(RUN, observer.ids, ignore);
        expect(deletions.map(({ target }) => target.id)).toEqual(
          expect.arrayContaining(observer.ids.map(({ id }) => id)),
        );
        expect(deletions.some(({ how }) => how === 'pulumi destroy')).toBe(true);
        await expectNothingLeft(observer.ids, RUN);
      });

      test('may be burnt again', async () => {
        const deletions = await driver.destroy(RUN, observer.ids, ignore);
        expect(new Set(deletions.map(({ how }) => how))).toEqual(new Set(['already gone']));
      });
    });

    test('what another process left is burnt from the manifest alone, its state lost', async () => {
      const RUN = 'ab0000000002';
      const { observer } = await abandoned(RUN);
      await rm(join(rig.home, 'state'), { recursive: true, force: true });
      const stranger = rig.newDriver();
      await stranger.halt(RUN);
      expect(await rig.newDriver().streams(RUN)).toBeDefined();
      await stranger.destroy(RUN, observer.ids, ignore);
      await expectNothingLeft(observer.ids, RUN);
    });

    test('what another process left is burnt with its manifest lost', async () => {
      const RUN = 'ab0000000003';
      const { observer } = await abandoned(RUN);
      expect((await rig.newDriver().inventory(RUN)).length).toBeGreaterThan(1);
      await rig.newDriver().destroy(RUN, [], ignore);
      await expectNothingLeft(observer.ids, RUN);
    });

    test('a request to stop ends the provisioning, and what exists by then is burnt', async () => {
      const RUN = 'ab0000000004';
      const stop = new AbortController();
      const observer = onMachine(() => {
        stop.abort();
      });
      await expect(driver.provision(requestOf(RUN), observer, stop.signal)).rejects.toMatchObject({
        code: 'cancelled',
      });
      await driver.destroy(RUN, observer.ids, ignore);
      await expectNothingLeft(observer.ids, RUN);
    });

    test('a manifest that cannot be written leaves no machine', async () => {
      const RUN = 'ab0000000005';
      const observer = onMachine(() => {
        throw new Error('disk full');
      });
      await expect(driver.provision(requestOf(RUN), observer, never)).rejects.toThrow();
      await driver.destroy(RUN, observer.ids, ignore);
      await expectNothingLeft(observer.ids, RUN);
    });

    test('a look-alike of another installation is neither found nor burnt', async () => {
      const RUN = 'ab0000000006';
      const alike = await rig.makeLookAlike(RUN);
      expect(await driver.inventory(RUN)).toEqual([]);
      await driver.destroy(RUN, [], ignore);
      await driver.halt(RUN);
      expect(await rig.existing()).toContain(alike);
    });

    test('ids of others are refused, not taken for absent', async () => {
      for (const id of rig.foreignIds) {
        await expect(driver.observe(id), id.kind).rejects.toMatchObject({ code: 'cannot_tell' });
        await expect(driver.destroy('ab0000000007', [id], ignore)).rejects.toMatchObject({ code: 'not_deleted' });
      }
    });

    test('with a run that is no run id nothing is begun', async () => {
      const observer = keepingObserver();
      for (const runId of ['', '../escape', 'AB0000000001', 'ab0000000001 -x'])
        await expect(driver.provision(requestOf(runId), observer, never)).rejects.toMatchObject({
          code: 'bad_request',
        });
      expect(observer.ids).toEqual([]);
    });

    /** Provisioned by a driver that nobody holds any more. */
    async function abandoned(runId: string): Promise<{ observer: KeepingObserver }> {
      const observer = keepingObserver();
      await rig.newDriver().provision(requestOf(runId), observer, never);
      return { observer };
    }
  });
}

/** An observer that does something the moment a machine has been named by the control plane. */
function onMachine(disturb: () => void): KeepingObserver {
  const observer = keepingObserver();
  const { record } = observer;
  return Object.assign(observer, {
    record: async (id: ConcreteId) => {
      await record(id);
      const isMachine = 'pid' in id.detail || (id.kind === 'instance' && 'seen_at' in id.detail);
      if (isMachine) disturb();
    },
  });
}

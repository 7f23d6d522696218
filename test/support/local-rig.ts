import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createLocalDriver, type LocalDriver } from '../../infra/index.ts';
import type { DriverRig } from '../contract/driver/contract.ts';
import { makeHome } from './sandbox.ts';

/** A data directory with the prepared image, and the local driver on it. */
export async function makeLocalRig(): Promise<DriverRig> {
  const place = await makeHome();
  const installationId = `rig-${process.pid}`;
  const newDriver = (): LocalDriver => createLocalDriver({ home: place.home, installationId, engine: 'embedded' });
  await newDriver().warm();
  const alikes: (() => Promise<void>)[] = [];
  return {
    home: place.home,
    newDriver,
    existing: () => everything(place.home),
    makeLookAlike: async (runId) => {
      const label = `burnbag-another-${runId}`;
      alikes.push(await startNamed(label));
      return label;
    },
    foreignIds: [
      { kind: 'instance', id: 'i-0123456789abcdef0', detail: {} },
      { kind: 'volume', id: 'vol-0123456789abcdef0', detail: {} },
    ],
    async [Symbol.asyncDispose]() {
      for (const end of alikes) await end();
      for (const { runId } of await newDriver().inventory()) await newDriver().destroy(runId, [], () => undefined);
      await place[Symbol.asyncDispose]();
    },
  };
}

/** Read from /proc and the file system: the names of machines, and what lies in `live` and `state`. */
async function everything(home: string): Promise<readonly string[]> {
  const commands = await Promise.all(
    (await readdir('/proc')).map((pid) => readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '')),
  );
  const names = commands.flatMap((command) => /(?:^|\0)-name\0(burnbag-[^\0]*)/.exec(command)?.[1] ?? []);
  const files = await Promise.all(['live', 'state'].map((folder) => list(join(home, folder))));
  return [...names, ...files.flat()];
}

async function list(folder: string): Promise<readonly string[]> {
  return readdir(folder, { recursive: true }).catch(() => []);
}

/** A process with a machine's name that is no machine of ours. */
async function startNamed(label: string): Promise<() => Promise<void>> {
  const child = spawn('/bin/sh', ['-c', 'echo 0; read line', 'sh', '-name', label], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: {},
  });
  const closed = once(child, 'close');
  await once(child.stdout, 'data');
  return async () => {
    child.kill('SIGKILL');
    await closed;
  };
}

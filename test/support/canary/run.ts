import { createHash, createPrivateKey, randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Ended, eventually, type Running, startBurnbag } from '../burnbag.ts';
import type { TestHome } from '../home.ts';
import { familyOf, programOf } from './processes.ts';
import { memoryOf, Search, type Secrets } from './search.ts';

/** A run of the product in the middle of a script, with everything in it known that must not get out. */
export interface CanaryRun {
  readonly pid: number;
  /** The process that is the machine. */
  readonly qemu: number;
  /** Its scratch disk's file. */
  readonly disk: string;
  readonly secrets: Secrets;
  /** What the script made up in the guest's memory and wrote to its scratch disk. */
  readonly planted: Secrets;
  readonly children: readonly HeardChild[];
  /** Ctrl-C; the run is collected and burned. */
  end(): Promise<Ended>;
}

/** A program the product started, with its arguments and environment as they were handed over. */
export interface HeardChild {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: readonly string[];
}

/** What the caller's environment has in it; the database URL's password only where there is a server. */
export function plantedEnvironment(databaseUrl: string | undefined) {
  const text = (): string => randomBytes(24).toString('base64url');
  const secrets = {
    'an environment token': text(),
    'archive secret in the environment': text(),
    'database password': text(),
  };
  const [token, archive, password] = Object.values(secrets);
  const env = {
    ...{ A_SERVICE_TOKEN: token ?? '', AWS_SECRET_ACCESS_KEY: archive ?? '', AWS_ACCESS_KEY_ID: 'unused' },
    ...(databaseUrl !== undefined && { BURNBAG_DATABASE_URL: `${databaseUrl}&password=${password ?? ''}` }),
  };
  return {
    env,
    secrets: Object.fromEntries(Object.entries(secrets).map(([name, value]) => [name, Buffer.from(value)])),
  };
}

/** The guest makes them of this, so that not even their makings hold them: bash and a pipe, no argument of any program. */
const SEED = randomBytes(12).toString('hex');
const canaryOf = (what: string): string => createHash('sha256').update(`${SEED} ${what}`).digest('hex');
const SCRIPT = `#!/bin/bash
make() { printf '${SEED} %s' "$1" | sha256sum; }
read -r memory _ < <(make memory)
read -r disk _ < <(make disk)
for ((i = 0; i < 2000; i++)); do printf '%s\\n' "$disk"; done >/work/job/canary
sync
read -r done _ < <(make done)
sleep 600
`;

/** Starts it and waits until the canaries are in the guest's memory and on its disk. */
export async function startCanaryRun(place: TestHome, env: Readonly<Record<string, string>>): Promise<CanaryRun> {
  const heard = join(place.scripts, 'heard.ndjson');
  const eavesdrop = join(import.meta.dirname, 'eavesdrop.ts');
  const script = await place.write('plant.sh', SCRIPT);
  const running = startBurnbag(place, ['detonate', script, '--timeout', '500', '--json'], {
    env: { ...env, NODE_OPTIONS: `--import=${eavesdrop}`, BURNBAG_TEST_HEARD: heard },
  });
  const planted = Object.fromEntries(['memory', 'disk', 'done'].map((what) => [what, Buffer.from(canaryOf(what))]));
  const qemu = await eventually('a machine', () => findQemu(running));
  const search = new Search(planted);
  await eventually('the canaries', async () => {
    if (running.said().includes('burned')) throw new Error(`expected the run to go on: ${running.said()}`);
    return (await search.inStream(memoryOf(qemu))).has('done') ? true : undefined;
  });
  const [runId = ''] = await readdir(join(place.home, 'live'));
  const lines = (await readFile(heard, 'utf8')).trimEnd().split('\n');
  const all = lines.map((line) => JSON.parse(line) as Heard);
  return {
    ...{ pid: running.pid, qemu, disk: join(place.home, 'live', runId, 'scratch.img'), planted },
    secrets: { ...madeSecrets(all), ...(await keptSecrets(place.home)) },
    children: all.filter((one) => one.what === 'child'),
    end: () => {
      running.interrupt();
      return running.ended;
    },
  };
}

type Heard =
  | ({ readonly what: 'child' } & HeardChild)
  | { readonly what: 'random' | 'key'; readonly by: string; readonly hex: string };

/** Secrets that only live in memory, by the file that makes them and their length in bytes. */
const MADE: readonly (readonly [name: string, by: string, bytes: number])[] = [
  ['key of the run', 'orchestrator/ca/run-key.ts', 32],
  ['passphrase of the scratch disk', 'infra/local/scratch/disk.ts', 32],
  ['master key of the scratch disk', 'infra/local/scratch/luks.ts', 64],
  ['passphrase of the state', 'infra/local/provision.ts', 32],
];

function madeSecrets(all: readonly Heard[]): Secrets {
  const made = all.filter((one) => one.what !== 'child');
  const entries = MADE.map(([name, by, bytes]) => {
    const { hex } = made.find((one) => one.by === by && one.hex.length === 2 * bytes) ?? {};
    if (hex === undefined) throw new Error(`expected ${by} to make the ${name}, heard nothing of it`);
    return [name, Buffer.from(hex, 'hex')] as const;
  });
  return Object.fromEntries(entries);
}

/** Secrets that must outlive a process; SECURITY.md says where they lie. */
export async function keptSecrets(home: string): Promise<Secrets> {
  const kept: Record<string, Buffer> = {};
  for (const purpose of ['ca', 'evidence', 'receipt']) {
    const key = createPrivateKey(await readFile(join(home, 'keys', `${purpose}.pem`), 'utf8'));
    kept[`${purpose} key`] = Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url');
  }
  const credentials = JSON.parse(await readFile(join(home, 'archive', 'credentials.json'), 'utf8')) as Record<
    string,
    string
  >;
  kept["the local archive's secret"] = Buffer.from(credentials['secret_access_key'] ?? '');
  return kept;
}

async function findQemu({ pid, ended }: Running): Promise<number | undefined> {
  const over = await Promise.race([ended, Promise.resolve(undefined)]);
  if (over !== undefined) throw new Error(`expected a run, got exit ${String(over.exitCode)}: ${over.stderr}`);
  for (const one of await familyOf(pid)) if ((await programOf(one)).startsWith('qemu-system-')) return one;
  return undefined;
}

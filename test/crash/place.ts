import { execFile, spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, realpath, rm, statfs, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import type { LocalArchive } from '../../orchestrator/evidence/index.ts';
import type { CrashEvent, CrashPlan } from '../support/crash-plan.ts';
import type { LedgerLine } from '../support/fake-machine-plan.ts';
import { temporaryArchive } from '../support/archive.ts';
import { preparedHome } from '../support/sandbox.ts';
import { scan } from '../support/scanner.ts';

/** What all cells of a matrix share: an archive server and a data directory to copy, with a journal and keys in it. */
export interface CrashPlace extends AsyncDisposable {
  /** A data directory of its own. */
  newHome(settings?: HomeSettings): Promise<CrashHome>;
  readonly endpoint: string;
  /** Of the archive server, for whoever looks into it. */
  readonly credentials: LocalArchive['credentials'];
}

export interface HomeSettings {
  readonly endpoint?: string;
  /** Gives it a file system of its own, of this size. Takes root. */
  readonly sizeMiB?: number;
  readonly databaseUrl?: string;
  /** Real machines take the image that `burnbag setup` made, and its verdict on the processor. */
  readonly driver?: 'fake' | 'local';
  /** As in config.json. */
  readonly limits?: { readonly runs: number };
  /** As in config.json. */
  readonly refuse_swap?: boolean;
  readonly timestamp?: { readonly url: string; readonly ca_file: string };
}

export interface CrashHome extends AsyncDisposable {
  readonly home: string;
  readonly ledger: string;
  readLedger(): Promise<readonly LedgerLine[]>;
  /** Starts a process on it. */
  start(
    plan: Omit<CrashPlan, Given> & {
      readonly machine?: CrashPlan['machine']['misbehave'];
    },
  ): CrashProcess;
}

/** What the home itself knows. */
export type Given = 'home' | 'databaseUrl' | 'driver' | 'machine';

export interface CrashProcess {
  readonly pid: number;
  /** What it said so far. */
  readonly events: readonly CrashEvent[];
  /** Its output that is no event: what a command printed. */
  readonly output: () => string;
  /** Resolves when it has ended. A process that is still there after the limit is killed, and that is said as signal `limit`. */
  readonly ended: Promise<Ended>;
  /** From its start until it had the data directory open; 0 where it never had. */
  openedMs(): number;
  /** Lets a process go on that asks. */
  answer(): void;
  /** Nothing once it has ended: its pid may be another test's process by then. Pids come round within minutes. */
  kill(): void;
  /** Resolves with the first such event; rejects when the process ends without one. */
  said<T extends CrashEvent['type']>(type: T): Promise<Extract<CrashEvent, { type: T }>>;
}

/** A process ended without what was waited for. */
export class NeverSaid extends Error {
  override readonly name = 'NeverSaid';
}

export interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly ms: number;
}

/** One process takes a second on an idle machine, one that boots a real one six; a test machine may be very busy. */
const PROCESS_LIMIT_MS = { fake: 180_000, local: 240_000 };
const MAIN = resolve(import.meta.dirname, '../support/crash-main.ts');

export async function openCrashPlace(): Promise<CrashPlace> {
  const stack = new AsyncDisposableStack();
  const folder = await realpath(await mkdtemp(join(await quickFolder(), 'burnbag-crash-')));
  stack.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const { server } = stack.use(await temporaryArchive());
  const environment = {
    PATH: '/usr/bin:/bin',
    AWS_ACCESS_KEY_ID: server.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: server.credentials.secretAccessKey,
    NODE_COMPILE_CACHE: join(folder, 'compiled'),
  };
  const template = join(folder, 'template');
  await makeTemplate(template, server.endpoint);
  const first = homeAt(template, join(folder, 'template.ledger'), environment).start({ do: 'recover' });
  if ((await first.ended).code !== 0)
    throw new Error(`expected a template, got ${first.output()} ${JSON.stringify(first.events)}`);
  let count = 0;
  const homes = new Set<CrashHome>();
  // Before the folder they are in. Most are gone by then.
  stack.defer(async () => {
    await Promise.all([...homes].map((home) => home[Symbol.asyncDispose]()));
  });
  return {
    endpoint: server.endpoint,
    credentials: server.credentials,
    newHome: async (settings = {}) => {
      const { endpoint = server.endpoint, sizeMiB, databaseUrl, driver, ...inFile } = settings;
      if (stack.disposed) throw new Error('expected a place for a home, got one that was taken away');
      const home = join(folder, `home-${(count += 1)}`);
      const unmount = sizeMiB === undefined ? undefined : await mountMemory(home, sizeMiB);
      await cp(template, home, { recursive: true });
      await configure(home, endpoint, inFile);
      if (driver === 'local') await takePrepared(home);
      const made = homeAt(home, `${home}.ledger`, environment, { databaseUrl, unmount, driver });
      homes.add(made);
      return made;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Memory, where there is plenty: a process that dies loses nothing that was in a file system, and a hundred journals are copied. */
async function quickFolder(): Promise<string> {
  const memory = await statfs('/dev/shm').catch(() => undefined);
  return memory !== undefined && memory.bavail * memory.bsize > PLENTY_BYTES ? '/dev/shm' : tmpdir();
}

const PLENTY_BYTES = 1024 ** 3;

async function makeTemplate(home: string, endpoint: string): Promise<void> {
  await mkdir(join(home, 'image'), { recursive: true, mode: 0o700 });
  // Neither an image nor a processor is needed by a fake machine; that both are known already is all the driver asks.
  await writeFile(join(home, 'image/current.json'), JSON.stringify({ digest: 'fa4e'.repeat(16) }));
  const bootId = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  await writeFile(
    join(home, 'acceleration.json'),
    JSON.stringify({ bootId, acceleration: 'kvm', why: 'a fake machine' }),
  );
  await configure(home, endpoint);
}

async function takePrepared(home: string): Promise<void> {
  for (const name of ['image', 'acceleration.json']) {
    await rm(join(home, name), { recursive: true });
    await symlink(join(preparedHome(), name), join(home, name));
  }
}

/** Returns what takes it away again. */
async function mountMemory(folder: string, sizeMiB: number): Promise<() => Promise<void>> {
  await mkdir(folder, { mode: 0o700 });
  await run('mount', ['-t', 'tmpfs', '-o', `size=${sizeMiB}m,mode=700`, 'tmpfs', folder]);
  return async () => {
    await run('umount', ['--lazy', folder]);
  };
}

const run = (program: string, args: readonly string[]) =>
  promisify(execFile)(program, [...args], { env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }, timeout: 10_000 });

/** The store's probe is kept by address: another address in front of the same store is said to be probed too. */
async function configure(
  home: string,
  endpoint: string,
  { limits = { runs: 8 }, ...others }: Pick<HomeSettings, 'limits' | 'refuse_swap' | 'timestamp'> = {},
): Promise<void> {
  await writeFile(
    join(home, 'config.json'),
    JSON.stringify({ limits, ...others, archive: { endpoint, bucket: 'evidence', retention_days: 1 } }),
  );
  const file = join(home, 'archive/probe.json');
  const kept = await readFile(file, 'utf8').catch(() => undefined);
  if (kept !== undefined)
    await writeFile(file, JSON.stringify({ ...JSON.parse(kept), store: `${endpoint} bucket evidence` }));
}

/** What a home stands on. */
interface Ground {
  readonly databaseUrl?: string | undefined;
  readonly unmount?: (() => Promise<void>) | undefined;
  readonly driver?: CrashPlan['driver'] | undefined;
}

function homeAt(
  home: string,
  ledger: string,
  env: Readonly<Record<string, string>>,
  { databaseUrl, unmount, driver }: Ground = {},
): CrashHome {
  const started: CrashProcess[] = [];
  let disposal: Promise<void> | undefined;
  const dispose = async (): Promise<void> => {
    for (const one of started) one.kill();
    for (const { pid } of await scan(home)) if (pid !== undefined) kill(pid);
    await Promise.all(started.map(({ ended }) => ended));
    await unmount?.();
    await rm(home, { recursive: true, force: true, maxRetries: 5 });
    await rm(ledger, { force: true });
  };
  return {
    home,
    ledger,
    readLedger: async () =>
      lines(await readFile(ledger, 'utf8').catch(() => '')).map((line) => JSON.parse(line) as LedgerLine),
    start: ({ machine: misbehave, ...rest }) => {
      if (disposal !== undefined) throw new Error('expected a home to start a process on, got one that was taken away');
      const where = {
        home,
        ...(databaseUrl !== undefined && { databaseUrl }),
        ...(driver !== undefined && { driver }),
      };
      const plan: CrashPlan = { ...where, ...rest, machine: { ledger, ...(misbehave !== undefined && { misbehave }) } };
      const child = startProcess(plan, env);
      started.push(child);
      return child;
    },
    [Symbol.asyncDispose]: () => (disposal ??= dispose()),
  };
}

function startProcess(plan: CrashPlan, env: Readonly<Record<string, string>>): CrashProcess {
  const since = performance.now();
  const child = spawn(process.execPath, [MAIN, JSON.stringify(plan)], { env, stdio: ['pipe', 'pipe', 'pipe'] });
  const events: CrashEvent[] = [];
  let output = '';
  let opened = 0;
  let isLate = false;
  const kill = (): void => void child.kill('SIGKILL');
  const limit = setTimeout(
    () => {
      isLate = true;
      kill();
    },
    PROCESS_LIMIT_MS[plan.driver ?? 'fake'],
  );
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line === '{"type":"opened"}') opened = performance.now() - since;
    if (plan.do !== 'cli' && line.startsWith('{"type":')) events.push(JSON.parse(line) as CrashEvent);
    else output += `${line}\n`;
  });
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise<Ended>((done) => {
    child.once('close', (code, signal) => {
      clearTimeout(limit);
      done({ code, signal: isLate ? 'limit' : signal, ms: performance.now() - since });
    });
  });
  const said: CrashProcess['said'] = async (type) => {
    for (let over = false; ;) {
      const found = events.find((event) => event.type === type);
      if (found !== undefined) return found as never;
      if (over) throw new NeverSaid(`expected the process to say ${type}, got ${output} ${JSON.stringify(events)}`);
      over = await Promise.race([ended.then(() => true), new Promise<false>((next) => setTimeout(next, 10, false))]);
    }
  };
  child.stdin.on('error', () => undefined);
  const answer = (): void => void child.stdin.write('\n');
  return { pid: child.pid ?? 0, events, output: () => output, openedMs: () => opened, ended, answer, kill, said };
}

function lines(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '');
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}

import { createHash } from 'node:crypto';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';

/*
 * The independent scanner. It shares no code with what creates, destroys or observes sandboxes: it looks at the host and at files, with its own
 * idea of what belongs to whom, so that a wrong idea in the product does not make it blind here.
 */

/** Something of a sandbox that is there. `run` is whose, where that can be told. */
export interface Remnant {
  readonly kind: 'process' | 'port' | 'file' | 'stack' | 'shared-memory';
  readonly what: string;
  readonly run?: string;
  readonly pid?: number;
}

/** Everything of any sandbox of a data directory that is on this host now; an orchestrator that lives is none of it, and is named by its pid. */
export async function scan(home: string, orchestrator?: number): Promise<readonly Remnant[]> {
  const runs = new Set((await list(join(home, 'runs'))).concat(await list(join(home, 'live'))));
  const processes = (await findProcesses(home, runs)).filter(({ pid }) => pid !== orchestrator);
  return [
    ...processes,
    ...(await findPorts(processes)),
    ...(await filesOf(home)),
    ...(await stacksOf(home)),
    ...(await list('/dev/shm'))
      .filter((name) => [...runs].some((run) => name.includes(run)))
      .map((name): Remnant => ({ kind: 'shared-memory', what: name })),
  ];
}

/** Serials that ought to be revoked and are not. */
export async function unrevoked(home: string, serials: Iterable<string>): Promise<readonly string[]> {
  const text = await readFile(join(home, 'keys', 'revoked'), 'utf8').catch(() => '');
  const revoked = new Set([...text.matchAll(/^serial: ([0-9]+)$/gm)].map(([, serial]) => serial));
  return [...serials].filter((serial) => !revoked.has(serial));
}

/** Runs whose receipt is signed: its envelope is there. */
export async function receiptsOf(home: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const run of await list(join(home, 'runs'))) {
    if ((await list(join(home, 'runs', run))).includes('receipt.dsse.json')) found.push(run);
  }
  return found;
}

/** What is wrong with a run's chain of transitions, computed anew from what it says of itself. */
export function chainProblem(run: ChainedRun): string | undefined {
  let previous = '0'.repeat(64);
  for (const [index, { seq, from, to, outcome, why, at, hash, previous: said }] of run.transitions.entries()) {
    const parts = [previous, run.runId, index + 1, from ?? null, to, outcome ?? null, why ?? null, at];
    const computed = createHash('sha256').update(JSON.stringify(parts)).digest('hex');
    if (seq !== index + 1 || said !== previous || hash !== computed) return `transition ${index + 1} does not follow`;
    if (index > 0 && from !== run.transitions[index - 1]?.to) return `transition ${index + 1} starts elsewhere`;
    previous = hash;
  }
  return previous === run.chainHead && run.transitions.at(-1)?.to === run.state
    ? undefined
    : 'the chain ends elsewhere';
}

/** A run with what the journal's chain of transitions says of it. */
export interface ChainedRun {
  readonly runId: string;
  readonly state: string;
  readonly chainHead: string;
  readonly transitions: readonly {
    readonly seq: number;
    readonly from?: string;
    readonly to: string;
    readonly outcome?: string;
    readonly why?: string;
    readonly at: string;
    readonly previous: string;
    readonly hash: string;
  }[];
}

/** Live processes that carry a run's label, or have anything below `live/` open, deleted or not. */
async function findProcesses(home: string, runs: ReadonlySet<string>): Promise<readonly Remnant[]> {
  const found: Remnant[] = [];
  for (const pid of (await list('/proc')).filter((name) => /^[0-9]+$/.test(name))) {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    if (status === '' || /^State:\s+[ZX]/m.test(status)) continue;
    const command = (await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '')).split('\0');
    const name = command[command.indexOf('-name') + 1] ?? '';
    const labelled = /^burnbag-[A-Za-z0-9-]+-([0-9a-f]{12})$/.exec(name)?.[1];
    const holds = (await linksOf(pid)).find((target) => target.startsWith(join(home, 'live/')));
    const run =
      labelled !== undefined && runs.has(labelled) ? labelled : holds?.slice(join(home, 'live/').length).slice(0, 12);
    if (run !== undefined)
      found.push({ kind: 'process', what: command.join(' ').slice(0, 160), run, pid: Number(pid) });
  }
  return found;
}

/** TCP sockets that those processes listen on. */
async function findPorts(processes: readonly Remnant[]): Promise<readonly Remnant[]> {
  const tables = await Promise.all(
    ['/proc/net/tcp', '/proc/net/tcp6'].map((path) => readFile(path, 'utf8').catch(() => '')),
  );
  const listening = new Map<string, number>();
  for (const line of tables.join('\n').split('\n')) {
    const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
    if (state === '0A' && inode !== undefined)
      listening.set(`socket:[${inode}]`, parseInt(local?.split(':').at(-1) ?? '', 16));
  }
  const found = await Promise.all(
    processes.map(async ({ pid, run }) => {
      const ports = (await linksOf(String(pid))).flatMap((target) => listening.get(target) ?? []);
      return ports.map((port): Remnant => ({
        kind: 'port',
        what: `127.0.0.1:${port}`,
        ...(run !== undefined && { run }),
      }));
    }),
  );
  return found.flat();
}

async function filesOf(home: string): Promise<readonly Remnant[]> {
  const live = join(home, 'live');
  const names = await readdir(live, { recursive: true }).catch(() => []);
  return names.map((name) => ({ kind: 'file', what: join(live, name), run: name.slice(0, 12) }));
}

/** Any file or folder in Pulumi's backend that is named after a run. */
async function stacksOf(home: string): Promise<readonly Remnant[]> {
  const names = await readdir(join(home, 'state'), { recursive: true }).catch(() => []);
  return names.flatMap((name) => {
    const run = /(?:^|\/)run-([0-9a-f]{12})[^/]*$/.exec(name)?.[1];
    return run === undefined ? [] : [{ kind: 'stack', what: name, run } as const];
  });
}

async function linksOf(pid: string): Promise<readonly string[]> {
  const fds = await list(`/proc/${pid}/fd`);
  return Promise.all(fds.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')));
}

async function list(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}

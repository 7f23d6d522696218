import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { TestProvider } from '../test/support/provider.ts';
import type { MeasuredStack, Shape, Surroundings, Written } from './engine-stack.ts';
import { deadline, openMeasured } from './engine-stack.ts';
import { describeMachine, keepResults, say } from './machine.ts';
import { duration, median, spread } from './statistics.ts';

/** Sizes of issue and product, and two beyond them to see how it grows. */
const SIZES = [3, 15, 100, 200, 400];
const SHAPES: readonly Shape[] = ['chain', 'wide'];
/** Above this size fewer rounds say as much. */
const MANY_ROUNDS_UP_TO = 15;
const ROUNDS_OF_LARGE = 3;
/** Lives before anything is measured: until then the SDK is loaded and what runs often is compiled. */
const WARM = 20;
const CONCURRENT = 50;
const IDLE = 200;

/** One life of a stack, in milliseconds, and what it wrote. */
interface Life {
  readonly openMs: number;
  readonly upMs: number;
  readonly destroyMs: number;
  readonly up: Written;
}

interface Row {
  readonly shape: Shape;
  readonly resources: number;
  readonly lives: readonly Life[];
}

/**
 * Measures the embedded engine alone, with a provider that answers at once: lives of stacks by size and shape, many stacks at a time in one
 * process, and what an idle stack holds. Prints docs/engine.md's tables and keeps every single figure in bench/results/.
 */
export async function benchEngine(root: string, rounds: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'burnbag-bench-engine-'));
  const provider = await TestProvider.start();
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => rm(folder, { recursive: true, force: true }));
  cleanup.defer(() => {
    provider.stop();
  });
  const surroundings = { folder, provider };
  for (let warm = 0; warm < WARM; warm += 1) await live(surroundings, 'warm', 3, 'chain');
  const machine = describeMachine();
  const idle = await measureIdle(surroundings);
  const concurrent = await measureConcurrent(surroundings);
  const rows: Row[] = [];
  for (const resources of SIZES)
    for (const shape of SHAPES) rows.push(await measure(surroundings, shape, resources, rounds));
  const command = `npm run bench -- engine ${rounds}`;
  const file = await keepResults(root, 'engine', { command, machine, rows, concurrent, idle });
  console.log(lifeTable(rows).join('\n'));
  console.log(
    [
      '',
      `${CONCURRENT} stacks of 3 at once in one process: all up after ${duration(concurrent.allUpMs)} (one: ${spread(concurrent.upMs)}), all gone ${duration(concurrent.allGoneMs)} later; up to ${concurrent.moreMiB} MiB more resident.`,
      `An open idle stack of 3 holds ${Math.round(idle.bytesPerStack / 1024)} KiB of heap (${IDLE} open).`,
      `${machine.cores} cores, load ${machine.load.map((one) => one.toFixed(1)).join(' ')} before; \`${command}\`, ${file}.`,
    ].join('\n'),
  );
}

async function measure(surroundings: Surroundings, shape: Shape, resources: number, rounds: number): Promise<Row> {
  const lives: Life[] = [];
  const count = resources > MANY_ROUNDS_UP_TO ? Math.min(rounds, ROUNDS_OF_LARGE) : rounds;
  for (let round = 0; round < count; round += 1)
    lives.push(await live(surroundings, `${shape}-${resources}-${round}`, resources, shape));
  say(`${shape} of ${resources}: up ${spread(lives.map(({ upMs }) => upMs))}`);
  return { shape, resources, lives };
}

async function live(surroundings: Surroundings, name: string, resources: number, shape: Shape): Promise<Life> {
  const [openMs, { stack, written }] = await timed(() => openMeasured(surroundings, name, resources, shape));
  const [upMs] = await timed(() => stack.up(deadline(), () => undefined));
  const up = { ...written };
  const [destroyMs] = await timed(() => stack.destroy(() => undefined));
  await stack.remove();
  surroundings.provider.reset();
  return { openMs, upMs, destroyMs, up };
}

/** Many stacks of three resources in one process, all at the same time. */
async function measureConcurrent(surroundings: Surroundings) {
  const open = await openMany(surroundings, CONCURRENT, 'many');
  const upMs: number[] = [];
  const before = process.memoryUsage.rss();
  let peak = before;
  const sampling = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 20);
  const [allUpMs] = await timed(() =>
    Promise.all(
      open.map(async ({ stack }) => upMs.push((await timed(() => stack.up(deadline(), () => undefined)))[0])),
    ),
  );
  const [allGoneMs] = await timed(() => Promise.all(open.map(({ stack }) => stack.destroy(() => undefined))));
  clearInterval(sampling);
  for (const { stack } of open) await stack.remove();
  say(`${CONCURRENT} at once: ${duration(allUpMs)}`);
  return { stacks: CONCURRENT, allUpMs, upMs, allGoneMs, moreMiB: Math.round((peak - before) / 2 ** 20) };
}

/** Heap that a stack holds which is up, open and not being worked on. */
async function measureIdle(surroundings: Surroundings) {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const held = () => {
    surroundings.provider.reset();
    collect();
    return process.memoryUsage().heapUsed;
  };
  const before = held();
  const open = await openMany(surroundings, IDLE, 'idle');
  for (const { stack } of open) await stack.up(deadline(), () => undefined);
  const bytesPerStack = (held() - before) / open.length;
  for (const { stack } of open) await stack.destroy(() => undefined);
  for (const { stack } of open) await stack.remove();
  return { stacks: IDLE, bytesPerStack };
}

async function openMany(surroundings: Surroundings, count: number, name: string): Promise<readonly MeasuredStack[]> {
  const open: MeasuredStack[] = [];
  for (let index = 0; index < count; index += 1)
    open.push(await openMeasured(surroundings, `${name}-${index}`, 3, 'chain'));
  return open;
}

async function timed<T>(work: () => Promise<T>): Promise<[number, T]> {
  const started = performance.now();
  const result = await work();
  return [performance.now() - started, result];
}

function lifeTable(rows: readonly Row[]): readonly string[] {
  const lines = rows.map(({ shape, resources, lives }) => {
    const of = (read: (life: Life) => number) => lives.map(read);
    const up = median(of(({ upMs }) => upMs));
    const { writes, bytes } = lives[0]?.up ?? { writes: NaN, bytes: NaN };
    return `| ${resources} | ${shape} | ${spread(of(({ upMs }) => upMs))} | ${duration(up / resources)} | ${spread(of(({ destroyMs }) => destroyMs))} | ${writes} | ${Math.round(bytes / 1024)} KiB |`;
  });
  return [
    '| resources | shape | `up` | per resource | `destroy` | state writes of `up` | bytes of them |',
    '|---|---|---|---|---|---|---|',
    ...lines,
  ];
}

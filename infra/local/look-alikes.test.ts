import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstat, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findBearers, findMachines } from './bearers.ts';
import { deleteDirectly, killByLabel } from './delete.ts';
import { directoryId, diskId, expectedProcessId, fileId, portId, processId, stackId } from './ids.ts';
import { takeInventory } from './inventory.ts';
import { type Owner } from '../host/run-folder.ts';
import { layoutOf, type Layout } from './layout.ts';
import { look } from './observe.ts';
import { lookUp } from './processes.ts';

const RUN = '0123456789ab';
const MACHINE = '35b00705-5978-41d1-898e-2522f42c5d69';
/** Nobody's, and not the one that any machine of ours gets. */
const STRANGER = 65_533;

let folder: string;
let owner: Owner;
let layout: Layout;
const started: { readonly pid: number; end(): Promise<void> }[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'burnbag-alike-'));
  owner = { home: join(folder, 'home'), installationId: `a${process.pid}` };
  layout = layoutOf(owner, RUN);
  await mkdir(layout.directory, { recursive: true });
});
afterEach(async () => {
  for (const one of started.splice(0)) await one.end();
  await rm(folder, { recursive: true });
});

/** A real process with a machine's name, which holds the scratch disk and listens when it is told to. */
async function startBearer(
  label: string,
  { uid, port = false }: { uid?: number; port?: boolean } = {},
): Promise<{ pid: number; port: number }> {
  const listen = `require('node:net').createServer().listen(0, '127.0.0.1', function () { console.log(this.address().port) })`;
  const program = port ? [process.execPath, '-e', listen, '--'] : ['/bin/sh', '-c', 'echo 0; read line', 'sh'];
  const [path, ...args] = [...program, '-name', label, '-uuid', MACHINE, '-append', 'x burnbag.lifetime=90 y'];
  const child = spawn(path, args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    ...(uid !== undefined && { uid, gid: uid }),
    cwd: '/',
    env: {},
  });
  const closed = once(child, 'close');
  started.push({
    pid: child.pid ?? 0,
    async end() {
      child.kill('SIGKILL');
      await closed;
    },
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { pid: child.pid ?? 0, port: Number(line.toString()) };
}

test('two turns look for each kind of id by different means, and agree', async () => {
  const { pid, port } = await startBearer(layout.label, { port: true });
  const bearer = await lookUp(pid);
  if (bearer === undefined) throw new Error('expected it to run');
  await writeFile(layout.disk, '');
  const stacks = join(owner.home, 'state/.pulumi/stacks/burnbag');
  await mkdir(stacks, { recursive: true });
  await writeFile(join(stacks, `${layout.stack}.json`), '{}');
  const ids = [
    await processId(bearer, layout.label, MACHINE),
    portId(port, layout.label),
    diskId(layout.disk),
    directoryId(layout.directory),
    stackId(owner, layout.stack),
  ];
  const looks = async (turn: number) => Promise.all(ids.map((id) => look(owner, id, turn)));
  const [first, second] = [await looks(0), await looks(1)];
  for (const at of ids.keys()) expect(first[at]?.means).not.toBe(second[at]?.means);
  expect(new Set([...first, ...second].map(({ state }) => state))).toEqual(new Set(['present']));
  await killByLabel(layout);
  for (const id of ids.toReversed()) await deleteDirectly(owner, layout, id);
  expect(new Set([...(await looks(0)), ...(await looks(1))].map(({ state }) => state))).toEqual(new Set(['gone']));
});

test('a machine without its label is still found by the scratch disk that it holds', async () => {
  await writeFile(layout.disk, '');
  const child = spawn('/bin/sh', ['-c', `exec 9<"$0"; echo; read line`, layout.disk], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {},
  });
  const closed = once(child, 'close');
  await once(child.stdout, 'data');
  await rm(layout.disk);
  expect(await look(owner, expectedProcessId(layout.label, MACHINE), 0)).toMatchObject({ state: 'gone' });
  expect(await look(owner, expectedProcessId(layout.label, MACHINE), 1)).toMatchObject({ state: 'present' });
  child.kill('SIGKILL');
  await closed;
  expect(await look(owner, expectedProcessId(layout.label, MACHINE), 1)).toMatchObject({ state: 'gone' });
});

test.runIf(process.getuid?.() === 0)('a process of another user is his, whatever name he gave it', async () => {
  const { pid } = await startBearer(layout.label, { uid: STRANGER });
  expect(await findMachines(owner)).toEqual([]);
  expect(await findBearers(layout)).toEqual([]);
  expect(await look(owner, expectedProcessId(layout.label, MACHINE))).toMatchObject({ state: 'gone' });
  expect(await killByLabel(layout)).toBe(0);
  expect((await lookUp(pid))?.uid).toBe(STRANGER);
});

test('a machine that is stopped is a machine', async () => {
  const { pid } = await startBearer(layout.label);
  process.kill(pid, 'SIGSTOP');
  expect((await findMachines(owner)).map(({ run }) => run)).toEqual([RUN]);
  expect(await killByLabel(layout)).toBe(1);
});

test('the inventory says whose it is, since when, and until when at the latest', async () => {
  const before = Date.now() - 20;
  await startBearer(layout.label);
  const [machine] = (await takeInventory(owner, RUN)).filter(({ kind }) => kind === 'process');
  expect(machine?.runId).toBe(RUN);
  const [since, deadline] = [Date.parse(machine?.since ?? ''), Date.parse(machine?.deadline ?? '')];
  expect(Math.abs(since - before)).toBeLessThan(10_000);
  expect(deadline - since).toBe(90_000);
});

test('a link in place of a run’s folder leads nowhere: what it points at is untouched', async () => {
  const elsewhere = join(folder, 'elsewhere');
  await mkdir(join(elsewhere, 'pulumi'), { recursive: true });
  await writeFile(join(elsewhere, 'scratch.img'), 'somebody’s');
  await rm(layout.directory, { recursive: true });
  await symlink(elsewhere, layout.directory);
  expect((await takeInventory(owner, RUN)).map(({ kind, id }) => [kind, id])).toEqual([
    ['directory', layout.directory],
  ]);
  for (const id of [fileId(layout.disk), directoryId(layout.workDir)])
    await expect(deleteDirectly(owner, layout, id)).rejects.toMatchObject({ code: 'not_ours' });
  await deleteDirectly(owner, layout, directoryId(layout.directory));
  await expect(lstat(layout.directory)).rejects.toMatchObject({ code: 'ENOENT' });
  expect((await lstat(join(elsewhere, 'scratch.img'))).size).toBeGreaterThan(0);
  expect((await lstat(join(elsewhere, 'pulumi'))).isDirectory()).toBe(true);
});

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ConcreteId } from '../driver.ts';
import { deleteDirectly, killByLabel } from './delete.ts';
import { directoryId, diskId, expectedProcessId, fileId, portId, processId, stackId } from './ids.ts';
import { takeInventory } from './inventory.ts';
import { type Owner } from '../host/run-folder.ts';
import { layoutOf, type Layout } from './layout.ts';
import { look } from './observe.ts';
import { lookUp } from './processes.ts';

const RUN = '0123456789ab';
const MACHINE = '35b00705-5978-41d1-898e-2522f42c5d69';

let owner: Owner;
let layout: Layout;
let children: ChildProcess[] = [];
beforeEach(async () => {
  owner = { home: await mkdtemp(join(tmpdir(), 'burnbag-observe-')), installationId: `t${process.pid}` };
  layout = layoutOf(owner, RUN);
  await mkdir(layout.directory, { recursive: true });
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  children = [];
  await rm(owner.home, { recursive: true });
});

/** A real process that looks like a machine: it carries a label, and listens when told to. */
async function startBearer(label: string): Promise<{ pid: number; port: number }> {
  const code = `const s = require('node:net').createServer().listen(0, '127.0.0.1', () => console.log(s.address().port))`;
  const child = spawn(process.execPath, ['-e', code, '--', '-name', label, '-uuid', MACHINE], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { pid: child.pid ?? 0, port: Number(line.toString()) };
}

const stateOf = async (id: ConcreteId): Promise<string> => (await look(owner, id)).state;

test('a process is present by label and by pid, and gone by both once it is killed', async () => {
  const { pid } = await startBearer(layout.label);
  const bearer = await lookUp(pid);
  if (bearer === undefined) throw new Error('expected it to run');
  const ids = [expectedProcessId(layout.label, MACHINE), await processId(bearer, layout.label, MACHINE)];
  expect(await Promise.all(ids.map(stateOf))).toEqual(['present', 'present']);
  expect(await killByLabel(layout)).toBe(1);
  expect(await Promise.all(ids.map(stateOf))).toEqual(['gone', 'gone']);
});

test('a reused pid and a pid from before a reboot are not the process', async () => {
  const self = await processId({ pid: process.pid, startTime: '1' }, layout.label, MACHINE);
  expect(await stateOf(self)).toBe('gone');
  const own = await lookUp(process.pid);
  const rebooted = { ...self, detail: { ...self.detail, start_time: own?.startTime ?? '', boot_id: 'another' } };
  expect(await look(owner, rebooted)).toEqual({ state: 'gone', means: 'the host has rebooted since' });
});

test('a process that only has the pid and start time of one from before a reboot is not ended', async () => {
  const { pid } = await startBearer(layout.label);
  const bearer = await lookUp(pid);
  if (bearer === undefined) throw new Error('expected it to run');
  const id = await processId(bearer, layout.label, MACHINE);
  const rebooted = { ...id, detail: { ...id.detail, boot_id: 'another' } };
  expect(await deleteDirectly(owner, layout, rebooted)).toBe('already gone');
  expect((await lookUp(pid))?.startTime).toBe(bearer.startTime);
  expect(await deleteDirectly(owner, layout, id)).toBe('kill');
  expect(await lookUp(pid)).toBeUndefined();
});

test('files, folders and disks are present until the host says ENOENT', async () => {
  await writeFile(layout.disk, '');
  const ids = [diskId(layout.disk), fileId(layout.disk), directoryId(layout.directory)];
  expect(await Promise.all(ids.map(stateOf))).toEqual(['present', 'present', 'present']);
  await rm(layout.directory, { recursive: true });
  expect(await Promise.all(ids.map(stateOf))).toEqual(['gone', 'gone', 'gone']);
});

test('whatever else keeps us from looking is thrown, not taken for absence', async () => {
  await writeFile(layout.disk, '');
  await expect(look(owner, fileId(join(layout.disk, 'below-a-file')))).rejects.toMatchObject({ code: 'cannot_tell' });
  await expect(look(owner, fileId(join(layout.directory, 'x'.repeat(300))))).rejects.toMatchObject({
    code: 'cannot_tell',
  });
  await expect(look(owner, { kind: 'instance', id: 'i-1', detail: {} })).rejects.toMatchObject({ code: 'cannot_tell' });
});

test('a port is present while this machine listens on it, and gone when nobody does or somebody else', async () => {
  const { port } = await startBearer(layout.label);
  expect(await stateOf(portId(port, layout.label))).toBe('present');
  await killByLabel(layout);
  expect(await look(owner, portId(port, layout.label))).toEqual({
    state: 'gone',
    means: 'no listener in /proc/net/tcp',
  });
  const other = createServer().listen(port, '127.0.0.1');
  await once(other, 'listening');
  expect((await look(owner, portId(port, layout.label))).means).toMatch(/not this machine/);
  other.close();
});

test('a stack is present while the backend has anything of it, a stale lock too', async () => {
  const stack = stackId(owner, layout.stack);
  expect(await stateOf(stack)).toBe('gone');
  const lock = join(owner.home, 'state/.pulumi/locks/organization/burnbag', layout.stack);
  const stacks = join(owner.home, 'state/.pulumi/stacks/burnbag');
  await mkdir(lock, { recursive: true });
  await mkdir(stacks, { recursive: true });
  await writeFile(join(stacks, `${layout.stack}.json.bak`), '{}');
  await writeFile(join(stacks, 'run-ffffffffffff.json'), '{}');
  expect(await stateOf(stack)).toBe('present');
  expect(await deleteDirectly(owner, layout, stack)).toBe('remove state');
  expect(await stateOf(stack)).toBe('gone');
  expect((await takeInventory(owner)).map(({ id }) => id)).toContain('run-ffffffffffff');
});

test('the inventory finds what carries the label, and nothing of another installation', async () => {
  const { pid } = await startBearer(layout.label);
  await startBearer(`burnbag-other-${RUN}`);
  await startBearer(`${layout.label}0`);
  await writeFile(layout.disk, '');
  const found = await takeInventory(owner, RUN);
  expect(found.map(({ kind }) => kind).toSorted()).toEqual(['directory', 'disk', 'process']);
  expect(found.find(({ kind }) => kind === 'process')?.detail['pid']).toBe(String(pid));
  expect(await takeInventory(owner, 'ffffffffffff')).toEqual([]);
});

test('what a manifest names and this run never had is left untouched', async () => {
  const { pid } = await startBearer(`burnbag-other-${RUN}`);
  const stranger = await lookUp(pid);
  if (stranger === undefined) throw new Error('expected it to run');
  const refused: ConcreteId[] = [
    fileId('/etc/hostname'),
    fileId(join(layout.directory, '../../keys')),
    directoryId(owner.home),
    stackId(owner, 'run-ffffffffffff'),
    await processId(stranger, layout.label, MACHINE),
    await processId(stranger, `burnbag-other-${RUN}`, MACHINE),
    { kind: 'volume', id: 'vol-1', detail: {} },
  ];
  for (const id of refused) await expect(deleteDirectly(owner, layout, id)).rejects.toMatchObject({ code: 'not_ours' });
  expect((await lookUp(pid))?.startTime).toBe(stranger.startTime);
});

test.each(['', '0123456789AB', '0123456789a', '../456789ab/', '0123456789ab\n'])('a run id %j is refused', (runId) => {
  expect(() => layoutOf(owner, runId)).toThrow(expect.objectContaining({ code: 'bad_request' }));
});

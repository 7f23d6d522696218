import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { findProcesses, lookUp, type Process, waitUntilGone } from '../processes.ts';
import { chooseIdentity } from './identity.ts';
import { confine } from './confinement.ts';
import { chooseNamespaces } from './namespaces.ts';

const LIMITS = { addressSpace: 2 ** 33, fileSize: 2 ** 20, threads: 8 };

async function confined(argv: readonly string[]): Promise<readonly [string, ...string[]]> {
  const [program = '', ...args] = await confine(argv, {
    identity: await chooseIdentity('0123456789ab', 'tcg'),
    limits: LIMITS,
    namespaces: await chooseNamespaces(),
  });
  return [program, ...args];
}

test('a confined process has no capability, gains no privilege and writes no core', async () => {
  const [program, ...args] = await confined(['/bin/cat', '/proc/self/status', '/proc/self/limits']);
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'], env: {} });
  const said = (await buffer(child.stdout)).toString();
  expect(said).toMatch(/^NoNewPrivs:\t1$/m);
  expect(said).toMatch(/^CapEff:\t0+$/m);
  expect(said).toMatch(/^Max core file size +0 +0 /m);
  expect(said).toMatch(/^Max file size +1048576 +1048576 /m);
  const uid = Number(/^Uid:\t([0-9]+)/m.exec(said)?.[1]);
  if (process.getuid?.() === 0) {
    expect(said).toMatch(/^CapBnd:\t0+$/m);
    expect(said).toMatch(/^Groups:\t ?$/m);
    expect(uid).toBeGreaterThanOrEqual(65_534);
  } else expect(uid).toBe(process.getuid?.());
});

test('a confined process dies with the process that spawned it, killed as it may be', async () => {
  const sleeper = await orphan(await confined(['/bin/sleep', '321.5']), '321.5');
  expect(await waitUntilGone(sleeper, 5_000)).toBe(true);
  expect((await lookUp(sleeper.pid))?.startTime).not.toBe(sleeper.startTime);
});

test('control: one that is not confined lives on', async () => {
  const sleeper = await orphan(['/bin/sleep', '322.5'], '322.5');
  expect(await waitUntilGone(sleeper, 1_000)).toBe(false);
  process.kill(sleeper.pid, 'SIGKILL');
});

/** A process that sleeps for so long, whose spawner was just killed. */
async function orphan(argv: readonly string[], seconds: string): Promise<Process> {
  const code = `const [p, ...a] = ${JSON.stringify(argv)}; require('node:child_process').spawn(p, a, { stdio: 'ignore', detached: true }); setInterval(() => {}, 1e3)`;
  const owner = spawn(process.execPath, ['-e', code], { stdio: 'ignore' });
  await once(owner, 'spawn');
  const isIt = (found: readonly string[]): boolean => found[0] === '/bin/sleep' && found[1] === seconds;
  await expect.poll(() => findProcesses(isIt), { timeout: 10_000 }).toHaveLength(1);
  const [sleeper] = await findProcesses(isIt);
  if (sleeper === undefined) throw new Error('it was there a moment ago');
  owner.kill('SIGKILL');
  await once(owner, 'exit');
  return sleeper;
}

import { createHash } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { receiptsOf, scan } from '../support/scanner.ts';
import { until } from '../support/until.ts';
import type { Cell, Sleep } from './cell.ts';
import { describe, dumpOf, findAfter, type Played, timeUntilClean } from './found.ts';
import { violations } from './invariants.ts';
import type { CrashHome, CrashProcess } from './place.ts';

/*
 * An owner that sleeps (SIGSTOP, a laptop's lid) and wakes when the world has moved on. The lock of the data directory is the kernel's, and a
 * sleeper keeps it: whoever else comes changes nothing, and the run is ended when its owner wakes. Only who deletes its files lets a second
 * owner in; that one burns what it finds, and the first must change nothing any more.
 */

/** Plays an owner that stops itself at its step, another that comes meanwhile, and the waking. */
export async function playSleeper(home: CrashHome, run: Cell['run'], { seconds, isRobbed }: Sleep): Promise<Played> {
  const owner = home.start({ do: 'run', ...run });
  await asleep(owner);
  const wakeAt = performance.now() + seconds * 1_000;
  const wake = async (): Promise<void> => {
    await sleep(Math.max(0, wakeAt - performance.now()));
    process.kill(owner.pid, 'SIGCONT');
    await owner.ended;
  };
  return isRobbed ? playRobbed(home, owner, wake) : playKept(home, owner, wake);
}

async function playKept(home: CrashHome, owner: CrashProcess, wake: () => Promise<void>): Promise<Played> {
  const before = await scan(home.home);
  const other = home.start({ do: 'recover' });
  const { code } = await other.ended;
  const isSame = isDeepStrictEqual(await scan(home.home), before);
  await wake();
  const atCrash = { remnants: [], receipts: [] };
  const recoveryAtMs = Date.now();
  const last = home.start({ do: 'recover' });
  const cleanMs = timeUntilClean(home, last);
  const { ms: recoveryMs, code: lastCode } = await last.ended;
  const runs = dumpOf(last);
  const ended = await owner.ended;
  const mishaps = [
    ...(code === 1 && describe(other).includes('expected the data directory')
      ? []
      : [`another came in while the owner slept: ${describe(other)}`]),
    ...(isSame ? [] : ['something changed while the owner slept']),
    ...(ended.code === 0 ? [] : [`the owner did not end its run when it woke: ${describe(owner)}`]),
    ...(lastCode === 0 ? [] : [`the recovery failed: ${describe(last)}`]),
  ];
  const found = { ...(await findAfter(home, runs)), atCrash, runs, recoveryAtMs };
  const problems = violations({ ...found, cleanMs: await cleanMs, openedMs: last.openedMs() });
  return { ended, runs, remnants: before.length, recoveryMs, violations: [...mishaps, ...problems] };
}

async function playRobbed(home: CrashHome, owner: CrashProcess, wake: () => Promise<void>): Promise<Played> {
  // What nobody should do, and somebody will.
  for (const name of ['lock', 'lock.json']) await rm(join(home.home, name), { force: true });
  const atCrash = { remnants: await scan(home.home, owner.pid), receipts: await receiptsOf(home.home) };
  const recoveryAtMs = Date.now();
  const other = home.start({ do: 'recover' });
  const cleanMs = timeUntilClean(home, other);
  const { ms: recoveryMs, code } = await other.ended;
  const runs = dumpOf(other);
  const evidence = await digests(home.home);
  await wake();
  const ended = await owner.ended;
  const isFenced = ended.code === 1 && describe(owner).includes('its lock taken away');
  const isEvidenceSame = isDeepStrictEqual(await digests(home.home), evidence);
  const last = home.start({ do: 'recover' });
  const { code: lastCode } = await last.ended;
  const mishaps = [
    ...(code === 0 ? [] : [`the recovery failed: ${describe(other)}`]),
    ...(isFenced ? [] : [`the sleeper was not fenced when it woke: exit ${String(ended.code)} ${describe(owner)}`]),
    ...(isEvidenceSame ? [] : ['the sleeper changed evidence when it woke']),
    ...(isDeepStrictEqual(dumpOf(last), runs) ? [] : ['the sleeper changed the journal when it woke']),
    ...(lastCode === 0 ? [] : [`something was left when the sleeper had ended: ${describe(last)}`]),
  ];
  const found = { ...(await findAfter(home, runs)), atCrash, runs, recoveryAtMs };
  const problems = violations({ ...found, cleanMs: await cleanMs, openedMs: other.openedMs() });
  return { ended, runs, remnants: atCrash.remnants.length, recoveryMs, violations: [...mishaps, ...problems] };
}

/** Waits until it is stopped: it says so a moment before, and a SIGCONT that comes in between would be lost. Rejects when it ends, or goes on. */
export async function asleep(owner: CrashProcess): Promise<void> {
  await owner.said('stopping');
  await until(async () => /^State:\s+T/m.test(await readFile(`/proc/${owner.pid}/status`, 'utf8')));
}

/** Every file of every run's evidence, so that not a byte of it may change. */
async function digests(home: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(join(home, 'runs'), { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile())
      found[path] = createHash('sha256')
        .update(await readFile(path))
        .digest('hex');
  }
  return found;
}

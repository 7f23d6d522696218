import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LockVerdict } from '../format/values.ts';
import { ATTACKS, BATCH_DELETE, CONTROLS, type ProbeCheckName, SURVIVAL, type Attempt } from './probe-checks.ts';
import { putProbeObject, sweepOldProbes, type Target } from './probe-objects.ts';
import type { S3 } from './s3.ts';

/** One attempt on the lock, and how it went. */
export interface ProbeCheck {
  readonly name: ProbeCheckName;
  readonly what: string;
  readonly expected: 'refused' | 'accepted';
  readonly got: 'refused' | 'accepted';
}

/** What the probe found. */
export interface ProbeResult {
  /** `strict`: every attempt failed. `weak`: some succeeded. `none`: a locked version could simply be deleted. */
  readonly verdict: LockVerdict;
  readonly checks: readonly ProbeCheck[];
  readonly probed_at: string;
  readonly duration_ms: number;
}

/** Longer than the whole probe takes on a slow store, short enough that nothing of it stays for long. */
const LOCKED_FOR_MS = 20_000;
/** The shortest lock that a store which counts in whole seconds still takes as being in the future. */
const EXPIRES_AFTER_MS = 1_000;

/**
 * Tries to break the lock of small objects of its own in the archive's bucket, in every way we know, and says how far it got.
 * Attempts that must succeed stand between them: a store that refuses everything proves nothing. Throws ArchiveError when the
 * store does not answer, since silence is no refusal. Takes a little more than the second in which one object's lock runs out.
 */
export async function probeLock(s3: S3, bucket: string): Promise<ProbeResult> {
  const startedAt = new Date();
  const prefix = `probe/${startedAt.getTime()}-${randomBytes(4).toString('hex')}/`;
  await sweepOldProbes(s3, bucket);
  const locked = await putProbeObject(s3, bucket, `${prefix}locked`, LOCKED_FOR_MS);
  const expiring = await putProbeObject(s3, bucket, `${prefix}expiring`, EXPIRES_AFTER_MS);
  const target: Target = { s3, bucket, locked, expiring };
  const checks: ProbeCheck[] = [];
  for (const attempt of [...CONTROLS, ...ATTACKS]) checks.push(await tryOut(attempt, target));
  await sleep(Math.max(0, expiring.lockedUntil.getTime() - Date.now()) + CLOCK_MARGIN_MS);
  for (const attempt of [...BATCH_DELETE, SURVIVAL]) checks.push(await tryOut(attempt, target));
  return {
    verdict: weighChecks(checks),
    checks,
    probed_at: startedAt.toISOString(),
    duration_ms: Date.now() - startedAt.getTime(),
  };
}

/** The store's clock need not be ours to the millisecond. */
const CLOCK_MARGIN_MS = 150;

async function tryOut({ name, what, expected, attempt }: Attempt, target: Target): Promise<ProbeCheck> {
  return { name, what, expected, got: await attempt(target) };
}

/** Without these two there is no lock at all; without any other one it has a hole. */
const ESSENTIAL: ReadonlySet<ProbeCheckName> = new Set(['delete', 'survival']);

function weighChecks(checks: readonly ProbeCheck[]): LockVerdict {
  const failed = checks.filter(({ expected, got }) => expected !== got);
  if (failed.length === 0) return 'strict';
  return failed.some(({ name }) => ESSENTIAL.has(name)) ? 'none' : 'weak';
}

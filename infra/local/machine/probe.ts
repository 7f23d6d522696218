import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { openImage, type Image } from '../image.ts';
import type { Owner } from '../../host/run-folder.ts';
import { readBootId } from '../processes.ts';
import { findProgram } from '../programs.ts';
import { probeArguments, type Acceleration } from './arguments.ts';
import { confine } from './confinement.ts';
import { escapeText } from '../../guest/console.ts';
import { chooseIdentity } from './identity.ts';
import { probeWords, readTscKhz } from './kernel-words.ts';
import { chooseNamespaces } from './namespaces.ts';

/** Whether this host can run guests on its own processor, and how that is known. */
export const Verdict = z.strictObject({ bootId: z.string(), acceleration: z.enum(['kvm', 'tcg']), why: z.string() });
export type Verdict = z.infer<typeof Verdict>;

/**
 * Decides between KVM and TCG by booting the sandbox's own kernel under KVM: on some hosts /dev/kvm opens and guests hang, so its
 * existence proves nothing. The verdict holds for this boot of the host and is kept in the data directory.
 */
export async function probeAcceleration(owner: Owner, image: Image): Promise<Verdict> {
  const known = await knownVerdict(owner);
  if (known !== undefined) return known;
  const verdict: Verdict = { bootId: await readBootId(), ...(await tryKvm(image)) };
  await writeVerdict(owner, verdict);
  return verdict;
}

/** The verdict of this boot of the host, when there is one already. */
export async function knownVerdict(owner: Owner): Promise<Verdict | undefined> {
  const known = await readVerdict(owner);
  return known?.bootId === (await readBootId()) ? known : undefined;
}

/** A kernel under KVM reaches its first program in half a second; a guest that hangs never does. */
const PROBE_LIMIT_MS = 3_000;
/** What the kernel says when it hands over to the first program of the initrd: processor, memory, timer and console all work. */
const REACHED = 'Run /init as init process';
/** Not a run: only the probe's QEMU runs as this user. */
const PROBE_ID = 'ffffffffffff';
const PROBE_LIMITS = { addressSpace: 4 * 1024 ** 3, fileSize: 0, threads: 96 };

async function tryKvm(image: Image): Promise<Omit<Verdict, 'bootId'>> {
  try {
    await access('/dev/kvm', constants.R_OK | constants.W_OK);
  } catch (error) {
    return {
      acceleration: 'tcg',
      why: `/dev/kvm cannot be opened: ${(error as NodeJS.ErrnoException).code ?? 'unknown'}`,
    };
  }
  const { reached, said } = await tryBoot('kvm', image, PROBE_LIMIT_MS);
  return reached
    ? { acceleration: 'kvm', why: 'a probe guest booted under KVM' }
    : { acceleration: 'tcg', why: `/dev/kvm opens, but a probe guest did not boot: ${said}` };
}

/** Boots the image's kernel with no disk and no network, and says whether it got to its first program in time, or what happened instead. */
export async function tryBoot(
  acceleration: Acceleration,
  image: Image,
  limitMs: number,
): Promise<{ readonly reached: boolean; readonly said: string }> {
  const identity = await chooseIdentity(PROBE_ID, acceleration);
  await using files = await openImage(image);
  const words = probeWords(acceleration, await readTscKhz());
  const plan = { label: 'burnbag-probe', acceleration, kernel: 3, initrd: 4, kernelWords: words };
  const [program = '', ...args] = await confine([await findProgram('qemu-system-x86_64'), ...probeArguments(plan)], {
    identity,
    limits: PROBE_LIMITS,
    namespaces: await chooseNamespaces(),
  });
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe', files.kernel.fd, files.initrd.fd],
    env: { LC_ALL: 'C' },
    cwd: '/',
    detached: true,
  });
  return await new Promise((resolve) => {
    let [console, errors] = ['', ''];
    const finish = (said: string): void => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      resolve({ reached: console.includes(REACHED), said });
    };
    const timer = setTimeout(finish, limitMs, `nothing within ${limitMs / 1000} s`);
    child.once('error', (error) => {
      finish(error.message);
    });
    child.once('close', () => {
      finish(`QEMU ended: ${escapeText(errors.trim().slice(0, SAID_MAX))}`);
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      errors += chunk.toString('latin1');
    });
    child.stdout?.on('data', (chunk: Buffer) => {
      console += chunk.toString('latin1');
      if (console.includes(REACHED)) finish('booted');
    });
  });
}

/** Enough of QEMU's complaint to know what it was. */
const SAID_MAX = 300;

function verdictFile({ home }: Owner): string {
  return join(home, 'acceleration.json');
}

/** An unreadable verdict is no verdict: the probe is simply run again. */
async function readVerdict(owner: Owner): Promise<Verdict | undefined> {
  try {
    return Verdict.parse(JSON.parse(await readFile(verdictFile(owner), 'utf8')));
  } catch {
    return undefined;
  }
}

async function writeVerdict(owner: Owner, verdict: Verdict): Promise<void> {
  const temporary = `${verdictFile(owner)}.${process.pid}.tmp`;
  await writeFile(temporary, `${JSON.stringify(verdict)}\n`, { mode: 0o600 });
  await rename(temporary, verdictFile(owner));
}

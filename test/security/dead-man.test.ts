import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RootGuest, startRootGuest } from '../support/root-guest/root-guest.ts';

/*
 * The guest's own dead-man switch, attacked by root inside of it. The timer in user space dies at the first blow, and the machine lives on past
 * its deadline: that is the control. What then ends it is the kernel's, and nobody in user space can stop, feed or unload that.
 */

const LIFETIME_SECONDS = 60;
/** By how much the kernel's switch comes after the one in user space: images/recipe/initrd-init. */
const KERNEL_LATER_SECONDS = 15;
/** What the image allows: the longest grant, and five minutes around it. */
const LIFETIME_MAX_SECONDS = 3_900;
/** What may lie between the kernel's decision and our hearing of it, on a busy machine. */
const SLACK_SECONDS = 30;

/** Ends the timer and who waits for it: ended alone, the timer would be taken for over. */
const END_TIMER = `for p in /proc/[0-9]*; do
  [ "$(tr '\\0' ' ' <$p/cmdline)" = "sleep ${LIFETIME_SECONDS} " ] || continue
  read -r _ _ _ parent _ <$p/stat; kill -9 $parent \${p##*/} && echo ended
done 2>/dev/null; true`;

/** Each must fail: it would keep the machine alive, or hand somebody the means to. */
const ATTACKS: Readonly<Record<string, string>> = {
  'opens the watchdog, to feed it': 'exec 3>/dev/watchdog && echo . >&3',
  'opens it under its other name': 'exec 3>/dev/watchdog0 && echo . >&3',
  'opens it under a name of its own':
    'mkdir -p /run/n && mount -t tmpfs -o dev none /run/n && IFS=: read major minor </sys/class/watchdog/watchdog0/dev && mknod /run/n/dog c $major $minor && exec 3>/run/n/dog && echo . >&3',
  'writes through the descriptor of PID 1': 'exec 3>/proc/1/fd/9 && echo . >&3',
  'looks into the memory of PID 1': 'dd if=/proc/1/mem bs=1 count=1 skip=$((0x400000)) of=/dev/null',
  'gives itself the right to trace': 'echo 0 >/proc/sys/kernel/yama/ptrace_scope',
  'unloads the watchdog': 'rmmod softdog',
  'loads a module': 'echo 0 >/proc/sys/kernel/modules_disabled && cat /proc/sys/kernel/modules_disabled | grep 0',
  'lengthens its time': 'mount -o remount,rw /sys && echo 86400 >/sys/class/watchdog/watchdog0/timeout',
  'writes to the memory of the kernel': 'dd if=/dev/zero of=/dev/mem bs=4096 count=1 seek=4096',
  'opens the memory of the kernel': 'dd if=/proc/kcore of=/dev/null bs=4096 count=1',
  'lifts the lockdown': 'echo none >/sys/kernel/security/lockdown',
};

const undo = new AsyncDisposableStack();
let guest: RootGuest;
let readyAt: number;
beforeAll(async () => {
  guest = undo.use(await startRootGuest({ network: 'wire', lifetimeSeconds: LIFETIME_SECONDS }));
  readyAt = performance.now();
});
afterAll(() => undo.disposeAsync());

test('the timer in user space is there, and root ends it', async () => {
  const { output } = await guest.root.run(END_TIMER);
  expect(output).toBe('ended\n');
});

test.each(Object.entries(ATTACKS))('root %s: refused', async (_, attack) => {
  const { code, output } = await guest.root.run(`(${attack})`);
  expect(code, output).not.toBe(0);
  // Refused, and not for want of a program or a file.
  expect(output).toMatch(/resource busy|[Pp]ermission denied|not permitted|Invalid argument/);
});

test('past its deadline the machine lives, as root wanted; then the kernel ends it', { timeout: 180_000 }, async () => {
  await guest.root.run('kill -9 1; kill -STOP 1; true');
  await sleep(readyAt + (LIFETIME_SECONDS + 1) * 1000 - performance.now());
  expect(guest.process.exitCode).toBeNull();
  const limit = (KERNEL_LATER_SECONDS + SLACK_SECONDS) * 1000;
  const ended = await Promise.race([guest.ended, sleep(limit, undefined, { ref: false })]);
  expect(ended).toEqual({ exitCode: 0, signal: null });
  expect(await readFile(join(guest.folder, 'console'), 'latin1')).not.toContain('BURNBAG DEADLINE');
});

test('a lifetime longer than the image allows is cut to what it allows', async () => {
  await using other = await startRootGuest({ network: 'wire', lifetimeSeconds: 99_999 });
  const { output } = await other.root.run('cat /sys/class/watchdog/watchdog0/timeout; ps -o args | grep "^sleep"');
  expect(output).toBe(`${LIFETIME_MAX_SECONDS + KERNEL_LATER_SECONDS}\nsleep ${LIFETIME_MAX_SECONDS}\n`);
});

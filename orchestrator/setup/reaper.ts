import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from './command.ts';
import type { Environment, ItemResult } from './item.ts';
import { type ReaperPlace, reaperUnits } from './reaper-units.ts';

/** systemd answers at once. */
const DEADLINE_SECONDS = 30;
const WHY = 'sweeps every half minute, whoever else lives';

/** Installs the resident reaper of a data directory as units of systemd: this user's, or the host's where this user is root. Safe to do again. */
export async function installReaper(order: InstallReaper): Promise<ItemResult> {
  const since = performance.now();
  const { service, timer } = reaperUnits(order);
  const { folder, words } = placeOf(order);
  const result = (status: ItemResult['status'], what: string, whatToDo?: string): ItemResult => ({
    ...{ item: 'reaper', status, why: WHY, what, durationMs: Math.round(performance.now() - since) },
    ...(whatToDo !== undefined && { whatToDo }),
  });
  let isNew = false;
  try {
    await mkdir(folder, { recursive: true });
    for (const { name, text } of [service, timer]) isNew = (await replace(join(folder, name), text)) || isNew;
  } catch (error) {
    return result('failed', `${folder}: ${(error as Error).message}`, 'burnbag reap --systemd prints the units');
  }
  const steps = [['daemon-reload'], ['enable', '--now', timer.name]];
  const byHand = steps.map((step) => ['systemctl', ...words, ...step].join(' ')).join(' && ');
  if (!order.isSystemdRunning) return result('warning', `units in ${folder}; systemd does not run here`, byHand);
  for (const step of steps) {
    const { ended, exitCode, output } = await runCommand('systemctl', [...words, ...step], {
      env: environmentOf(order.env),
      deadlineSeconds: DEADLINE_SECONDS,
      signal: order.signal,
    });
    if (ended !== 'exit' || exitCode !== 0)
      return result('failed', `systemctl ${step.join(' ')}: ${output || ended}`, byHand);
  }
  return result(isNew ? 'fixed' : 'ok', `${timer.name} runs`);
}

export interface InstallReaper extends ReaperPlace {
  readonly env: Environment;
  readonly isRoot: boolean;
  readonly isSystemdRunning: boolean;
  readonly signal: AbortSignal;
}

/** As sd_booted(3) has it. */
export function isSystemdRunning(): boolean {
  return existsSync('/run/systemd/system');
}

function placeOf({ isRoot, env }: InstallReaper): { readonly folder: string; readonly words: readonly string[] } {
  const home = env['XDG_CONFIG_HOME'] ?? join(env['HOME'] ?? '/', '.config');
  if (!isRoot) return { folder: join(home, 'systemd/user'), words: ['--user'] };
  return { folder: '/etc/systemd/system', words: [] };
}

/** The little that systemctl needs to find the user's own instance. */
function environmentOf(env: Environment): Environment {
  const { PATH, HOME, XDG_RUNTIME_DIR, DBUS_SESSION_BUS_ADDRESS } = env;
  return { PATH, HOME, XDG_RUNTIME_DIR, DBUS_SESSION_BUS_ADDRESS };
}

async function replace(file: string, text: string): Promise<boolean> {
  if ((await readFile(file, 'utf8').catch(() => undefined)) === text) return false;
  await writeFile(file, text, { mode: 0o644 });
  return true;
}

import { readFile } from 'node:fs/promises';
import { lookAtSwap } from '../swap.ts';
import { runCommand } from './command.ts';
import { findProgram, freeMiB, isRoot, toolEnvironment } from './host.ts';
import { isInPlace, type ItemResult } from './item.ts';
import { checkItems, FREE_MIB_WANTED } from './run-items.ts';
import { selectItems, setupContext, type SetupOptions, type SetupResult } from './setup.ts';

/** Oldest Node that runs this checkout: the launcher's NODE_MAJOR. */
const NODE_MAJOR = 26;

/** Looks at everything a run needs and changes nothing. `ok` is false where something is missing that `burnbag setup` or the user must get. */
export async function runDoctor(options: SetupOptions): Promise<SetupResult> {
  const started = performance.now();
  const [items, ...host] = await Promise.all([
    checkItems(selectItems(options.only), setupContext(options)),
    ...HOST_CHECKS.map((check) => runHostCheck(check, options)),
  ]);
  const all = [...host, ...items];
  return { ok: all.every(isInPlace), items: all, durationMs: Math.round(performance.now() - started) };
}

/** One look at the host. Undefined `whatToDo` means all is well; `optional` ones are warnings, since runs work without. */
interface HostCheck {
  readonly name: string;
  readonly why: string;
  readonly optional: boolean;
  look(options: SetupOptions): Promise<{ what: string; whatToDo?: string }>;
}

const HOST_CHECKS: readonly HostCheck[] = [
  { name: 'node', why: 'runs Burnbag', optional: false, look: lookAtNode },
  { name: 'disk-space', why: 'builds, scratch disks and evidence', optional: false, look: lookAtDiskSpace },
  { name: 'memory', why: 'one sandbox at a time', optional: true, look: lookAtMemory },
  { name: 'swap', why: 'memory of a run must not come to a disk', optional: true, look: () => lookAtSwap() },
  { name: 'namespaces', why: "shut QEMU's network off from the host", optional: true, look: lookAtNamespaces },
  { name: 'cgroup', why: 'limits on what a sandbox may use of this host', optional: true, look: lookAtCgroup },
];

async function runHostCheck(check: HostCheck, options: SetupOptions): Promise<ItemResult> {
  const started = performance.now();
  const found = await check
    .look(options)
    .catch((error: unknown) => ({ what: String(error), whatToDo: 'mend what it says' }));
  const bad = check.optional ? 'warning' : 'missing';
  return {
    item: check.name,
    why: check.why,
    ...found,
    status: found.whatToDo === undefined ? 'ok' : bad,
    durationMs: Math.round(performance.now() - started),
  };
}

function lookAtNode(): Promise<{ what: string; whatToDo?: string }> {
  const what = `Node ${process.versions.node} at ${process.execPath}`;
  const isOld = Number(process.versions.node.split('.')[0]) < NODE_MAJOR;
  return Promise.resolve(
    isOld ? { what, whatToDo: 'start Burnbag by ./burnbag, which fetches the right one' } : { what },
  );
}

async function lookAtDiskSpace({ home }: SetupOptions): Promise<{ what: string; whatToDo?: string }> {
  const free = await freeMiB(home);
  const what = `${free} MiB free at ${home}`;
  return free < FREE_MIB_WANTED
    ? { what, whatToDo: `free ${FREE_MIB_WANTED - free} MiB, or set BURNBAG_HOME to a larger disk` }
    : { what };
}

/** A sandbox and QEMU itself, beside this process. */
const MEMORY_MIB_WANTED = 768;

async function lookAtMemory(): Promise<{ what: string; whatToDo?: string }> {
  const kiB = /^MemAvailable:\s+(\d+) kB/m.exec(await readFile('/proc/meminfo', 'utf8'))?.[1];
  const free = Math.floor(Number(kiB ?? 0) / 1024);
  const what = `${free} MiB available`;
  return free < MEMORY_MIB_WANTED
    ? { what, whatToDo: `free memory: a sandbox wants ${MEMORY_MIB_WANTED} MiB` }
    : { what };
}

async function lookAtNamespaces({ env }: SetupOptions): Promise<{ what: string; whatToDo?: string }> {
  const whatToDo =
    'allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1, or an AppArmor profile); the image build without root needs them too';
  const unshare = await findProgram('unshare', env);
  if (unshare === undefined) return { what: 'no unshare program', whatToDo: 'install util-linux' };
  const result = await runCommand(unshare, ['--user', '--map-root-user', '--net', 'true'], {
    env: toolEnvironment(env),
    deadlineSeconds: 10,
  });
  if (result.exitCode === 0) return { what: `user and network namespaces can be made${isRoot() ? ' (as root)' : ''}` };
  return { what: `cannot be made: ${result.output}`, whatToDo };
}

/** Only told: limits on a run are inside the sandbox, where there is always a tree of its own. */
async function lookAtCgroup(): Promise<{ what: string }> {
  const controllers = await readFile('/sys/fs/cgroup/cgroup.controllers', 'utf8').catch(() => undefined);
  return { what: controllers === undefined ? 'no version 2 on this host' : `version 2: ${controllers.trim()}` };
}

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findProgram } from '../programs.ts';

/** How a process gets namespaces of its own, as the first words of its argument vector; none where this host does not let us. */
export interface Namespaces {
  readonly network: 'own' | 'host';
  readonly words: readonly string[];
}

/**
 * A network namespace of its own, with nothing in it, not even loopback: whoever takes QEMU over finds no network, neither the host's nor
 * that of another sandbox. And one for System V IPC. Root makes them as it is; a user needs a user namespace around them, which some hosts
 * forbid: so it is tried, by really doing it, once per process.
 */
export async function chooseNamespaces(): Promise<Namespaces> {
  return (choice ??= tryNamespaces());
}

let choice: Promise<Namespaces> | undefined;

/** Making namespaces takes milliseconds. */
const TRY_LIMIT_MS = 5_000;

async function tryNamespaces(): Promise<Namespaces> {
  try {
    const words = [await findProgram('unshare'), ...asUser(), '--net', '--ipc', '--'] as const;
    const [program, ...args] = [...words, await findProgram('true')] as const;
    await promisify(execFile)(program, args, { timeout: TRY_LIMIT_MS, env: {} });
    return { network: 'own', words };
  } catch {
    return { network: 'host', words: [] };
  }
}

/** The user keeps its number: what it may open, it may still. */
function asUser(): readonly string[] {
  return process.getuid?.() === 0 ? [] : ['--user', '--map-current-user'];
}

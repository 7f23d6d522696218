import { closeSync, readdirSync, readFileSync } from 'node:fs';

/** O_CLOEXEC as /proc/self/fdinfo shows it, in octal (proc(5)). */
const CLOSE_ON_EXEC = 0o2000000;

/**
 * Closes what this process was born with beyond its three standard streams. Whatever Node opens is marked to close on exec, and what is
 * not so marked would reach every script.
 */
export function closeInherited(): void {
  for (const name of readdirSync('/proc/self/fd')) {
    const fd = Number(name);
    if (fd > 2 && !closesOnExec(fd)) closeSync(fd);
  }
}

/** The descriptor that read the list is gone by now: nothing to close. */
function closesOnExec(fd: number): boolean {
  try {
    const flags = /^flags:\s+([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '0';
    return (parseInt(flags, 8) & CLOSE_ON_EXEC) !== 0;
  } catch {
    return true;
  }
}

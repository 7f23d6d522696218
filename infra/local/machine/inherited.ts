import { readdirSync, readFileSync } from 'node:fs';

/** What becomes of one descriptor of a child: its place in the list is its number there. */
export type Stdio = 'ignore' | 'pipe' | number;

/** O_CLOEXEC as /proc/self/fdinfo shows it, in octal (proc(5)). */
const CLOSE_ON_EXEC = 0o2000000;

/**
 * Puts `nothing` (an open /dev/null) in the child's place of every descriptor that we were born with: those of the shell or service that
 * started us, which Node hands on to every child, are no business of a machine's. What Node opens itself closes by itself.
 */
export function withoutInherited(stdio: readonly Stdio[], nothing: number): Stdio[] {
  const foreign = readdirSync('/proc/self/fd')
    .map(Number)
    .filter((fd) => fd >= stdio.length && isHandedOn(fd));
  const all: Stdio[] = [...stdio];
  for (const fd of foreign) all[fd] = nothing;
  return Array.from(all, (entry: Stdio | undefined) => entry ?? 'ignore');
}

/** The descriptor that read the list is gone by now, and so is nobody's. */
function isHandedOn(fd: number): boolean {
  try {
    const flags = /^flags:\s+([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '0';
    return (Number.parseInt(flags, 8) & CLOSE_ON_EXEC) === 0;
  } catch {
    return false;
  }
}

import { constants } from 'node:os';

/** Names a system call by the audit record's `arch` and `syscall`; one that no rule of the image asks for is `call <number>`. */
export function nameOfCall(arch: string, number: string): string {
  const column = ARCHITECTURES.get(arch);
  const found = column === undefined ? undefined : CALLS.find((call) => String(call[column]) === number);
  return found?.name ?? `call ${number}`;
}

/** Names a negative return value as errno(3) does, as in ENOENT. */
export function nameOfError(exit: number): string {
  return ERRORS.get(-exit) ?? `errno ${-exit}`;
}

type Column = 'x86_64' | 'aarch64';

/** AUDIT_ARCH_X86_64 and AUDIT_ARCH_AARCH64 of linux/audit.h. */
const ARCHITECTURES: ReadonlyMap<string, Column> = new Map([
  ['c000003e', 'x86_64'],
  ['c00000b7', 'aarch64'],
]);

/** The calls the image's audit rules record and the report reads; numbers from the kernel's tables; -1 where an architecture lacks the call. */
const CALLS: readonly { readonly name: string; readonly x86_64: number; readonly aarch64: number }[] = [
  { name: 'execve', x86_64: 59, aarch64: 221 },
  { name: 'execveat', x86_64: 322, aarch64: 281 },
  { name: 'clone', x86_64: 56, aarch64: 220 },
  { name: 'clone3', x86_64: 435, aarch64: 435 },
  { name: 'fork', x86_64: 57, aarch64: -1 },
  { name: 'vfork', x86_64: 58, aarch64: -1 },
  { name: 'socket', x86_64: 41, aarch64: 198 },
  { name: 'connect', x86_64: 42, aarch64: 203 },
  { name: 'sendto', x86_64: 44, aarch64: 206 },
  { name: 'sendmsg', x86_64: 46, aarch64: 211 },
  { name: 'sendmmsg', x86_64: 307, aarch64: 269 },
  { name: 'bind', x86_64: 49, aarch64: 200 },
  { name: 'open', x86_64: 2, aarch64: -1 },
  { name: 'openat', x86_64: 257, aarch64: 56 },
  { name: 'openat2', x86_64: 437, aarch64: 437 },
  { name: 'creat', x86_64: 85, aarch64: -1 },
  { name: 'truncate', x86_64: 76, aarch64: 45 },
  { name: 'rename', x86_64: 82, aarch64: -1 },
  { name: 'renameat', x86_64: 264, aarch64: 38 },
  { name: 'renameat2', x86_64: 316, aarch64: 276 },
  { name: 'mkdir', x86_64: 83, aarch64: -1 },
  { name: 'mkdirat', x86_64: 258, aarch64: 34 },
  { name: 'rmdir', x86_64: 84, aarch64: -1 },
  { name: 'unlink', x86_64: 87, aarch64: -1 },
  { name: 'unlinkat', x86_64: 263, aarch64: 35 },
  { name: 'link', x86_64: 86, aarch64: -1 },
  { name: 'linkat', x86_64: 265, aarch64: 37 },
  { name: 'symlink', x86_64: 88, aarch64: -1 },
  { name: 'symlinkat', x86_64: 266, aarch64: 36 },
  { name: 'mknod', x86_64: 133, aarch64: -1 },
  { name: 'mknodat', x86_64: 259, aarch64: 33 },
  { name: 'chmod', x86_64: 90, aarch64: -1 },
  { name: 'fchmod', x86_64: 91, aarch64: 52 },
  { name: 'fchmodat', x86_64: 268, aarch64: 53 },
  { name: 'fchmodat2', x86_64: 452, aarch64: 452 },
  { name: 'chown', x86_64: 92, aarch64: -1 },
  { name: 'fchown', x86_64: 93, aarch64: 55 },
  { name: 'lchown', x86_64: 94, aarch64: -1 },
  { name: 'fchownat', x86_64: 260, aarch64: 54 },
];

/** Linux has two names for a few numbers: the first one counts. Numbers above 511 are the kernel's own, of calls a signal interrupted. */
const ERRORS: ReadonlyMap<number, string> = new Map([
  ...Object.entries(constants.errno)
    .reverse()
    .map(([name, number]): [number, string] => [number, name]),
  ...[512, 513, 514, 516].map((number): [number, string] => [number, 'EINTR']),
]);

/** Writes records as auditd's raw stream has them; for what the recorded stream in fixtures/ does not hold. */
export function stream(...events: readonly (readonly string[])[]): Uint8Array {
  const lines = events.flatMap((records, index) => {
    const stamp = `msg=audit(1795423950.${String(index % 1_000).padStart(3, '0')}:${index + 1}):`;
    return [...records, 'EOE'].map((record) => record.replace(/^(\S+) ?/, `type=$1 ${stamp} `));
  });
  return Buffer.from(lines.map((line) => `${line}\n`).join(''), 'latin1');
}

/** A SYSCALL record of a process of `detonate`, of x86_64. */
export function call(number: number, pid: number, ppid: number, rest = {}): string {
  const fields = {
    success: 'yes',
    exit: 0,
    a0: '0',
    a1: '0',
    a2: '0',
    a3: '0',
    ppid,
    pid,
    uid: 2002,
    exe: '"/bin/x"',
    key: '"k"',
    ...rest,
  };
  return `SYSCALL arch=c000003e syscall=${number} ${Object.entries(fields)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')}`;
}

/** A name as the kernel writes one that it does not trust. */
export function hex(text: string | Uint8Array): string {
  return Buffer.from(text).toString('hex').toUpperCase();
}

/** An execve that worked. */
export function execute(pid: number, ppid: number, ...argv: readonly string[]): string[] {
  const words = argv.map((argument, index) => `a${index}=${hex(argument)}`).join(' ');
  return [
    call(59, pid, ppid, { key: '"exec"' }),
    `EXECVE argc=${argv.length} ${words}`,
    'CWD cwd="/work/job"',
    `PATH item=0 name=${hex(argv[0] ?? '')} nametype=NORMAL`,
  ];
}

/** A fork, as its parent's record tells it. */
export function fork(pid: number, ppid: number, child: number): string[] {
  return [call(56, pid, ppid, { exit: child, a0: '1200011', key: '"fork"' })];
}

import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createScratchDisk, diskBytes } from '../infra/local/scratch/disk.ts';
import { startRootGuest, type RootGuest } from '../test/support/root-guest/root-guest.ts';
import { describeMachine, keepResults, say } from './machine.ts';
import { spread } from './statistics.ts';

/** Of the scratch disk that is written and read; the profiles' own has this much too. */
const SCRATCH_MIB = 256;
const WAYS = ['encrypted', 'plain'] as const;
type Way = (typeof WAYS)[number];

/** What a guest does with its disk; each prints how long it took, in microseconds of its own clock. */
const WORK: Readonly<Record<string, string>> = {
  'write 128 MiB and wait for the disk': 'dd if=/dev/zero of=/work/x bs=1M count=128 conv=fsync',
  'read them back, nothing cached': 'echo 3 >/proc/sys/vm/drop_caches; dd if=/work/x of=/dev/null bs=1M',
  '1,000 writes of 4 KiB, each waited for': 'dd if=/dev/zero of=/work/y bs=4k count=1000 oflag=dsync',
};

/**
 * Measures what the encryption of the scratch disk costs: the same work in two guests that differ in nothing else, turn by turn; the processor
 * time QEMU took for it; and making the disk. Prints docs/scratch.md's table and keeps every figure in results/.
 */
export async function benchScratch(root: string, rounds: number): Promise<void> {
  const machine = describeMachine();
  await using undo = new AsyncDisposableStack();
  const guests: [Way, RootGuest][] = [];
  for (const way of WAYS)
    guests.push([way, undo.use(await startRootGuest({ network: 'wire', scratch: way, scratchMiB: SCRATCH_MIB }))]);
  const figures: Record<string, Record<Way, number[]>> = { 'make the disk': await measureMaking(rounds) };
  const add = (name: string, way: Way, value: number): void => {
    (figures[name] ??= { encrypted: [], plain: [] })[way].push(value);
  };
  for (let round = 0; round < rounds; round += 1)
    for (const [way, guest] of round % 2 === 0 ? guests : guests.toReversed()) {
      const before = await processorMs(guest);
      for (const [name, work] of Object.entries(WORK)) add(name, way, await measure(guest, work));
      add('processor time of QEMU for all that', way, (await processorMs(guest)) - before);
      say(`round ${round + 1}, ${way}`);
    }
  const command = `npm run bench -- scratch ${rounds}`;
  const kept = await keepResults(root, 'scratch', { command, machine, isolation: 'emulated', figures });
  const rows = Object.entries(figures).map(
    ([name, { encrypted, plain }]) => `| ${name} | ${spread(encrypted)} | ${spread(plain)} |`,
  );
  console.log(['| | encrypted (LUKS, AES-256-XTS) | plain |', '|---|---|---|', ...rows, ''].join('\n'));
  const load = machine.load.map((one) => one.toFixed(1)).join(' ');
  console.log(
    `${rounds} rounds, median (least to most), emulated, ${machine.cores} cores, load ${load} before; \`${command}\`, ${kept}.`,
  );
}

const WORK_LIMIT_MS = 120_000;

async function measure({ root }: RootGuest, work: string): Promise<number> {
  const timed = `bash -c 'before=\${EPOCHREALTIME/./}; { ${work}; } 2>/dev/null || exit 1; echo $((\${EPOCHREALTIME/./} - before))'`;
  const { code, output } = await root.run(timed, WORK_LIMIT_MS);
  if (code !== 0) throw new Error(`expected the guest to do it, got exit ${code} from ${work}: ${output}`);
  return Number(output) / 1_000;
}

/** User and system time of a process so far, proc_pid_stat(5); a clock tick of Linux is a hundredth of a second to user space. */
async function processorMs({ process }: RootGuest): Promise<number> {
  const words = (await readFile(`/proc/${process.pid ?? 0}/stat`, 'latin1')).replace(/^.*\) /, '').split(' ');
  return (Number(words[11]) + Number(words[12])) * 10;
}

async function measureMaking(rounds: number): Promise<Record<Way, number[]>> {
  const folder = await mkdtemp(join(tmpdir(), 'burnbag-bench-scratch-'));
  const path = join(folder, 'disk');
  const make: Record<Way, () => Promise<unknown>> = {
    encrypted: () => createScratchDisk(path, SCRATCH_MIB),
    plain: async () => {
      await using file = await open(path, 'wx');
      await file.truncate(diskBytes(SCRATCH_MIB));
    },
  };
  const found: Record<Way, number[]> = { encrypted: [], plain: [] };
  for (let round = 0; round < rounds; round += 1)
    for (const way of WAYS) {
      const started = performance.now();
      await make[way]();
      found[way].push(performance.now() - started);
      await rm(path);
    }
  await rm(folder, { recursive: true });
  return found;
}

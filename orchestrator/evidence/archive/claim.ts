import { readFileSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import * as z from 'zod';
import { ArchiveError } from './errors.ts';

/** A process, named so that a reused pid is not mistaken for it. */
const Identity = z.strictObject({ pid: z.int().min(1), started: z.string(), boot_id: z.string() });
const Claim = z.strictObject({ owner: Identity, server: Identity.nullable() });
type Identity = z.infer<typeof Identity>;

/** Says that one archive folder is being served: by whom, and, once it runs, by which server process. */
export interface ArchiveClaim {
  /** Names the server process: should its owner die and leave it, the folder is still in use. */
  nameServer(pid: number): Promise<void>;
  release(): Promise<void>;
}

/** Claims an archive folder through `file`, or throws `server_busy` naming the process that has it. Claims of the dead do not count. */
export async function claimArchive(file: string): Promise<ArchiveClaim> {
  const owner = identify(process.pid);
  if (owner === undefined)
    throw new ArchiveError('storage_unfit', {
      expected: '/proc to be mounted',
      got: 'no entry of this process',
      hint: 'mount /proc',
    });
  if (!(await writeClaim(file, { owner, server: null }, 'wx'))) {
    const holder = await livingHolder(file);
    if (holder !== undefined) throw busy(file, holder);
    await rm(file, { force: true });
    if (!(await writeClaim(file, { owner, server: null }, 'wx'))) throw busy(file, undefined);
  }
  return {
    nameServer: async (pid) => {
      await writeClaim(file, { owner, server: identify(pid) ?? null }, 'w');
    },
    release: () => rm(file, { force: true }),
  };
}

async function writeClaim(file: string, claim: z.infer<typeof Claim>, flag: 'wx' | 'w'): Promise<boolean> {
  try {
    await writeFile(file, `${JSON.stringify(claim)}\n`, { mode: 0o600, flag });
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    const got = error instanceof Error ? error.message : String(error);
    throw new ArchiveError(
      'storage_unfit',
      { expected: `to write ${file}`, got, hint: 'check its folder’s owner and free space' },
      { cause: error },
    );
  }
}

async function livingHolder(file: string): Promise<Identity | undefined> {
  try {
    const { owner, server } = Claim.parse(JSON.parse(await readFile(file, 'utf8')));
    return [owner, server].find((one) => one !== null && isSame(one, identify(one.pid))) ?? undefined;
  } catch {
    return undefined;
  }
}

function isSame(a: Identity, b: Identity | undefined): boolean {
  return b !== undefined && a.started === b.started && a.boot_id === b.boot_id;
}

/** Start time in clock ticks since boot: field 22 of /proc/PID/stat (proc(5)), counted after the name, which may hold anything. */
function identify(pid: number): Identity | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z') return undefined;
    return { pid, started: fields[19] ?? '', boot_id: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim() };
  } catch {
    return undefined;
  }
}

function busy(file: string, holder: Identity | undefined): ArchiveError {
  return new ArchiveError('server_busy', {
    expected: `nobody else to serve the archive that ${file} stands for`,
    got: holder === undefined ? 'another process, just now' : `process ${holder.pid}`,
    hint: 'wait until it has finished; if it is an archive server that its owner left behind, end it',
  });
}

import { copyFile, mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import * as z from 'zod';
import { currentImage } from '../../images/build.ts';
import { folderOf } from '../../images/current.ts';
import { isPrepared, takeStamp } from '../../orchestrator/setup/stamp.ts';
import { type Place, processesOf } from './census.ts';
import { preparedHome } from './sandbox.ts';

/** The checkout under test. */
export const ROOT = resolve(import.meta.dirname, '../..');

/** A data directory that is ready for runs, and the environment its commands are started with. Removed on disposal, with whatever still runs there. */
export interface TestHome extends Place, AsyncDisposable {
  /** For scripts and whatever else a test needs; no part of the data directory. */
  readonly scripts: string;
  readonly env: Readonly<Record<string, string>>;
  /** Writes a file into `scripts` and returns its path. */
  write(name: string, content: string | Buffer): Promise<string>;
  /** Writes config.json, or removes it; what is prepared stays prepared. */
  configure(configuration: TestConfiguration | undefined): Promise<void>;
}

/** What tests put into config.json. */
export interface TestConfiguration {
  readonly archive?: { readonly endpoint: string; readonly bucket?: string };
  readonly limits?: { readonly runs: number };
  readonly refuse_emulated?: boolean;
  readonly timestamp?: { readonly url: string; readonly ca_file: string };
}

/**
 * Makes a data directory that shares what `burnbag setup` made in the prepared one (Node, archive server, executor, image, the verdict on
 * KVM) and has everything else of its own: keys, journal, archive, runs, state. Shared files are links to single files, so that a rebuild
 * would replace the link and not what is shared. Where the prepared one is out of date, the first command prepares this one, as for a user.
 */
export async function makeTestHome(): Promise<TestHome> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'burnbag-e2e-')));
  const [home, temporary, scripts] = [join(folder, 'home'), join(folder, 'tmp'), join(folder, 'scripts')];
  await Promise.all([mkdir(home, { mode: 0o700 }), mkdir(temporary), mkdir(scripts)]);
  await shareImage(home);
  await shareFiles(home);
  const env = environment(home, temporary);
  const prepared = await isPrepared({ home: preparedHome(), root: ROOT, env });
  if (prepared) await takeStamp({ home, root: ROOT, env });
  return {
    home,
    temporary,
    scripts,
    env,
    async write(name, content) {
      await writeFile(join(scripts, name), content, { mode: 0o755 });
      return join(scripts, name);
    },
    async configure(configuration) {
      const file = join(home, 'config.json');
      await (configuration === undefined ? rm(file, { force: true }) : writeFile(file, JSON.stringify(configuration)));
      const { endpoint } = configuration?.archive ?? {};
      if (prepared)
        await takeStamp({ home, root: ROOT, env, ...(endpoint !== undefined && { archiveEndpoint: endpoint }) });
    },
    async [Symbol.asyncDispose]() {
      for (const { pid } of await processesOf(home)) process.kill(pid, 'SIGKILL');
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** The little that a command needs of our environment; a run must not depend on the rest. */
function environment(home: string, temporary: string): Record<string, string> {
  const { PATH = '/usr/bin:/bin', HOME = '/' } = process.env;
  return { PATH, HOME, LANG: 'C.UTF-8', TERM: 'xterm-256color', TMPDIR: temporary, BURNBAG_HOME: home };
}

const Current = z.looseObject({ digest: z.string().min(12) });

async function shareImage(home: string): Promise<void> {
  const from = join(preparedHome(), 'image');
  const current = await readFile(join(from, 'current.json'), 'utf8').catch((cause: unknown) => {
    throw new Error(`expected an image in ${from}, got none; run npm test, which prepares it`, { cause });
  });
  const name = Current.parse(JSON.parse(current)).digest.slice(0, 12);
  await mkdir(join(home, 'image'));
  await writeFile(join(home, 'image', 'current.json'), current);
  await symlink(join(from, name), join(home, 'image', name));
}

/** Shares what disks for EC2 are made from besides the image. */
export async function shareImageBase(home: string): Promise<void> {
  const from = join(preparedHome(), 'image');
  const { recipe } = (await currentImage(preparedHome())).builtFrom;
  const base = `.base-${folderOf(recipe)}`;
  await symlink(join(from, base), join(home, 'image', base));
}

async function shareFiles(home: string): Promise<void> {
  for (const name of ['bin', 'agent']) {
    await mkdir(join(home, name));
    for (const file of await readdir(join(preparedHome(), name))) {
      await symlink(join(preparedHome(), name, file), join(home, name, file));
    }
  }
  const optional = [
    symlink(await realpath(join(preparedHome(), 'toolchain')).catch(() => '/nonexistent'), join(home, 'toolchain')),
    copyFile(join(preparedHome(), 'acceleration.json'), join(home, 'acceleration.json')),
  ];
  await Promise.allSettled(optional);
}

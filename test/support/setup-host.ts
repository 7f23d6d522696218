import { chmod, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SetupContext } from '../../orchestrator/setup/item.ts';

/** A data directory and a PATH of its own for one test; everything is removed on disposal. */
export interface TestHost extends AsyncDisposable {
  readonly folder: string;
  readonly home: string;
  readonly bin: string;
  /** What items said while they worked. */
  readonly said: string[];
  readonly context: SetupContext;
  /** Puts a shell script on the PATH. */
  program(name: string, script: string): Promise<string>;
}

/** Makes one. Its PATH ends in the system's folders, so that scripts have their tools. */
export async function makeTestHost(env: Readonly<Record<string, string>> = {}): Promise<TestHost> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'burnbag-setup-')));
  const [home, bin, said] = [join(folder, 'home'), join(folder, 'bin'), [] as string[]];
  await Promise.all([mkdir(home, { mode: 0o700 }), mkdir(bin)]);
  const context: SetupContext = {
    home,
    root: folder,
    env: { PATH: `${bin}:/usr/bin:/bin`, HOME: folder, ...env },
    signal: new AbortController().signal,
    progress: (what) => void said.push(what),
  };
  return {
    folder,
    home,
    bin,
    said,
    context,
    async program(name, script) {
      const path = join(bin, name);
      await writeFile(path, `#!/bin/sh\n${script}\n`);
      await chmod(path, 0o755);
      return path;
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

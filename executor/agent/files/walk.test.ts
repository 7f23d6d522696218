import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { linkSync, mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeSandbox, type TestSandbox } from '../../testing/sandbox.ts';
import { failureOf } from '../failure.ts';
import { openFile, openFolder } from './open.ts';
import { walkTo } from './walk.ts';

let sandbox: TestSandbox;
let job: string;
beforeEach(() => {
  sandbox = makeSandbox();
  job = join(sandbox.folder, 'work', 'job');
  writeFileSync(join(sandbox.folder, 'etc', 'secret'), 'secret');
});
afterEach(() => {
  sandbox[Symbol.dispose]();
});

/** What opening says: the content, or the code of the failure. */
function read(path: string): string {
  try {
    using file = openFile(sandbox.guest.root, path);
    return readFileSync(file.fd, 'utf8');
  } catch (error) {
    return failureOf(error).code;
  }
}

describe('openFile', () => {
  it('opens a regular file below the root', () => {
    writeFileSync(join(job, 'a'), 'content');
    expect(read('/work/job/a')).toBe('content');
  });

  it('refuses links, wherever in the path and wherever they lead', () => {
    symlinkSync('../../etc/secret', join(job, 'link'));
    symlinkSync('../../etc', join(job, 'folder'));
    symlinkSync('a', join(job, 'harmless'));
    symlinkSync('loop', join(job, 'loop'));
    writeFileSync(join(job, 'a'), 'a');
    for (const path of ['link', 'folder/secret', 'harmless', 'loop', 'loop/x'])
      expect(read(`/work/job/${path}`)).toBe('IS_A_LINK');
  });

  it('refuses what is not a regular file, without touching it', () => {
    mkdirSync(join(job, 'folder'));
    spawnSync('/usr/bin/mkfifo', [join(job, 'fifo')], { env: {} });
    // Opening a FIFO to read would wait for a writer for ever.
    expect(read('/work/job/fifo')).toBe('NOT_A_FILE');
    expect(read('/work/job/folder')).toBe('NOT_A_FILE');
    expect(failureOf(catching(() => openFile('/', '/dev/null'))).code).toBe('NOT_A_FILE');
  });

  it('refuses a file with a second name', () => {
    linkSync(join(sandbox.folder, 'etc', 'secret'), join(job, 'second'));
    expect(read('/work/job/second')).toBe('HAS_OTHER_NAMES');
  });

  it('says what is missing, and what is no folder', () => {
    writeFileSync(join(job, 'a'), 'a');
    expect(read('/work/job/missing')).toBe('NOT_FOUND');
    expect(read('/work/job/a/b')).toBe('NOT_A_FOLDER');
    expect(failureOf(catching(() => openFolder(sandbox.guest.root, '/work/job/a'))).code).toBe('NOT_A_FOLDER');
  });

  it('notices that a folder on the way was moved', () => {
    mkdirSync(join(job, 'here'));
    writeFileSync(join(job, 'here', 'a'), 'a');
    using place = walkTo(sandbox.guest.root, '/work/job/here/a');
    renameSync(join(job, 'here'), join(job, 'there'));
    expect(place.path).toBe(join(job, 'there', 'a'));
    expect(read('/work/job/here/a')).toBe('NOT_FOUND');
  });

  it('opens nothing that is elsewhere by the time it is judged', () => {
    mkdirSync(join(job, 'here'));
    writeFileSync(join(job, 'here', 'a'), 'a');
    const meanwhile = (): void => {
      renameSync(join(job, 'here'), join(sandbox.folder, 'etc', 'there'));
    };
    const before = readdirSync('/proc/self/fd').length;
    const walked = catching(() => walkTo(sandbox.guest.root, '/work/job/here/a', meanwhile));
    expect(failureOf(walked).code).toBe('PATH_CHANGED');
    expect(readdirSync('/proc/self/fd')).toHaveLength(before);
  });

  it('leaves no descriptor open, whatever it found', () => {
    symlinkSync('x', join(job, 'link'));
    const before = readdirSync('/proc/self/fd').length;
    for (let round = 0; round < 50; round++)
      for (const name of ['link', 'missing', 'a/b', '']) read(`/work/job/${name}`);
    expect(readdirSync('/proc/self/fd')).toHaveLength(before);
  });

  it('never reads through a link that is swapped in while it opens', async () => {
    const swap = `
      const { renameSync, symlinkSync, writeFileSync, mkdirSync, rmSync } = require('node:fs');
      mkdirSync('real', { recursive: true }); writeFileSync('real/secret', 'harmless');
      console.log('ready');
      for (;;) { renameSync('real', 'aside'); symlinkSync('../../etc', 'real'); rmSync('real'); renameSync('aside', 'real'); }`;
    const racer = spawn(process.execPath, ['-e', swap], { cwd: job, env: {}, stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(racer, 'exit');
    try {
      await once(racer.stdout, 'data');
      const seen = new Map<string, number>();
      // On a busy machine the racer may rest in the middle for long.
      const end = performance.now() + 30_000;
      for (let round = 0; round < 5_000 || (!seen.has('harmless') && performance.now() < end); round++) {
        const said = read('/work/job/real/secret');
        seen.set(said, (seen.get(said) ?? 0) + 1);
      }
      expect(
        [...seen.keys()].filter((said) => !['harmless', 'IS_A_LINK', 'NOT_FOUND', 'PATH_CHANGED'].includes(said)),
      ).toEqual([]);
      expect(seen.get('harmless')).toBeGreaterThan(0);
    } finally {
      racer.kill('SIGKILL');
      await exited;
    }
  });
});

function catching(act: () => Disposable): unknown {
  try {
    act()[Symbol.dispose]();
    return undefined;
  } catch (error) {
    return error;
  }
}

import { execFile } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import pg from 'pg';

const run = promisify(execFile);

/** Everything that an image holds, one file of it after the other; the root file system is unpacked into `folder` meanwhile. */
export async function* imageContents(directory: string, folder: string): AsyncGenerator<Readable> {
  for (const name of ['bzImage', 'vmlinux', 'initrd.img', 'packages.txt'])
    yield createReadStream(join(directory, name));
  yield* squashContents(join(directory, 'root.img'), folder);
}

/** The content of every file in a squashfs. */
export async function* squashContents(image: string, folder: string): AsyncGenerator<Readable> {
  // What unsquashfs calls a pseudo file: names and modes, then the plain content of all files.
  const all = join(folder, 'unpacked');
  await run('unsquashfs', ['-no-progress', '-pf', all, image], { timeout: 60_000, env: { PATH: '/usr/bin:/bin' } });
  yield createReadStream(all);
  await rm(all);
}

/** Every row of every table of a journal on a server, as text. */
export async function journalText(databaseUrl: string): Promise<string> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>(
      "select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = 'burnbag'",
    );
    const texts: string[] = [];
    for (const { name } of rows) {
      const told = await client.query<{ row: string }>(`select t::text as row from ${name} t`);
      texts.push(...told.rows.map(({ row }) => row));
    }
    return texts.join('\n');
  } finally {
    await client.end();
  }
}

/** An encrypted disk in use, read with its passphrase as it is now. */
export async function openedDisk(
  disk: string,
  passphrase: string,
  folder: string,
): Promise<{ readonly stream: Readable } & AsyncDisposable> {
  const [key, plain] = [join(folder, 'passphrase'), join(folder, 'plain.img')];
  await writeFile(key, passphrase, { mode: 0o600 });
  const source = ['--image-opts', `driver=luks,key-secret=key,file.driver=file,file.filename=${disk}`];
  const words = ['convert', '-U', '--object', `secret,id=key,file=${key}`, ...source, '-O', 'raw', plain];
  await run('qemu-img', words, { timeout: 60_000, env: { PATH: '/usr/bin:/bin' } });
  const remove = async (): Promise<void> => {
    for (const path of [key, plain]) await rm(path, { force: true });
  };
  return { stream: createReadStream(plain), [Symbol.asyncDispose]: remove };
}

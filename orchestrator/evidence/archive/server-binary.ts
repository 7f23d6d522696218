import { access, constants } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { ArchiveError } from './errors.ts';

/** The archive server's program: the one named, else the data directory's, else the first on the search path. */
export async function findServerBinary(options: {
  home: string;
  binary?: string;
  searchPath?: string;
}): Promise<string> {
  const { home, binary, searchPath = '' } = options;
  const folders = [join(home, 'bin'), ...searchPath.split(delimiter).filter((folder) => isAbsolute(folder))];
  const candidates = binary === undefined ? folders.map((folder) => join(folder, 'versitygw')) : [binary];
  for (const candidate of candidates) if (await isExecutable(candidate)) return candidate;
  throw new ArchiveError('server_missing', {
    expected:
      binary === undefined ? 'versitygw 1.8 or newer in the data directory or on PATH' : `an executable at ${binary}`,
    got: 'none',
    hint: 'run burnbag setup, or name an S3 store with Object Lock in config.json (archive.endpoint)',
  });
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

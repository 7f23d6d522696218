import { hostname, userInfo } from 'node:os';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCli } from './doors/cli/cli.ts';

// Whatever this process and its children make is this user's alone; what others must read (the image, for QEMU's own user) says so itself.
process.umask(0o077);

// A reader that goes away (`burnbag detonate … | head`) must not end a run before its sandbox is burned: what it would have read is dropped.
for (const out of [process.stdout, process.stderr]) out.on('error', () => undefined);

const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');
process.exitCode = await runCli(process.argv.slice(2), {
  home: resolve(process.env['BURNBAG_HOME'] ?? `${root}/.burnbag`),
  root,
  requester: `${userInfo().username}@${hostname()}`,
  databaseUrl: process.env['BURNBAG_DATABASE_URL'],
  variables: process.env,
});

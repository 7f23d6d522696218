import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { builtImage, readFrom, unpackRoot } from './testing/built-image.ts';

const WITHOUT = '';
/** As init writes it where a profile lists tunnels; test/security/ssh-tunnels.test.ts reads it in the guest. */
const WITH = `DisableForwarding no
AllowTcpForwarding local
PermitOpen 127.0.0.1:5432 127.0.0.1:8080
`;

/** The image's own sshd says what its configuration means for a user: first value wins there, and a Match that does not apply leaves the default. */
test.each([
  { user: 'agent-runner', tunnels: WITHOUT, golden: 'everybody-else' },
  { user: 'agent-runner', tunnels: WITH, golden: 'agent-runner-with-tunnels' },
  { user: 'audit-reader', tunnels: WITHOUT, golden: 'audit-reader' },
  { user: 'audit-reader', tunnels: WITH, golden: 'audit-reader' },
  { user: 'detonate', tunnels: WITH, golden: 'everybody-else' },
  { user: 'root', tunnels: WITH, golden: 'everybody-else' },
])('sshd in the image, for $user, tunnels: $tunnels', async ({ user, tunnels, golden }) => {
  const image = await builtImage();
  await using root = await unpackRoot(image, [
    'etc/ssh',
    'usr/sbin/sshd',
    'usr/lib/openssh',
    'usr/lib/x86_64-linux-gnu',
  ]);
  const libraries = join(root.folder, 'usr/lib/x86_64-linux-gnu');
  const [key, config, included] = ['key', 'config', 'tunnels.conf'].map((name) => join(root.folder, name)) as Paths;
  await readFrom('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
  const text = await readFile(join(root.folder, 'etc/ssh/sshd_config'), 'utf8');
  expect(text).toContain('\n  Include /run/burnbag/tunnels.conf\n');
  await writeFile(config, text.replace('/run/burnbag/tunnels.conf', included));
  await writeFile(included, tunnels);
  const effective = await readFrom(join(libraries, 'ld-linux-x86-64.so.2'), [
    ...['--library-path', libraries, join(root.folder, 'usr/sbin/sshd'), '-T', '-h', key],
    ...['-f', config, '-C', `user=${user},host=relay,addr=10.0.2.2`],
  ]);
  const settings = effective.split('\n').filter((line) => line !== `hostkey ${key}`);
  await expect(settings.join('\n')).toMatchFileSnapshot(`golden/sshd.${golden}.txt`);
});

type Paths = [string, string, string];

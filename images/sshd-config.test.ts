import { join } from 'node:path';
import { expect, test } from 'vitest';
import { builtImage, readFrom, unpackRoot } from './testing/built-image.ts';

/** The image's own sshd says what its configuration means for a user: first value wins there, and a Match that does not apply leaves the default. */
test.each(['agent-runner', 'audit-reader', 'detonate', 'root'])('sshd in the image, for %s', async (user) => {
  const image = await builtImage();
  await using root = await unpackRoot(image, [
    'etc/ssh',
    'usr/sbin/sshd',
    'usr/lib/openssh',
    'usr/lib/x86_64-linux-gnu',
  ]);
  const libraries = join(root.folder, 'usr/lib/x86_64-linux-gnu');
  const key = join(root.folder, 'key');
  await readFrom('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
  const effective = await readFrom(join(libraries, 'ld-linux-x86-64.so.2'), [
    ...['--library-path', libraries, join(root.folder, 'usr/sbin/sshd'), '-T', '-h', key],
    ...['-f', join(root.folder, 'etc/ssh/sshd_config'), '-C', `user=${user},host=relay,addr=10.0.2.2`],
  ]);
  const settings = effective.split('\n').filter((line) => line !== `hostkey ${key}`);
  await expect(settings.join('\n')).toMatchFileSnapshot(
    `golden/sshd.${user === 'audit-reader' ? user : 'everybody-else'}.txt`,
  );
});

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Image } from '../../../infra/local/image.ts';
import { readNewc, writeNewc } from './newc.ts';

/** The virtio-serial port on which root in the guest takes orders. */
export const PROBE_PORT = 'org.burnbag.probe';

/**
 * The image's initrd with one more archive behind it: the same first program, which before it hands over lays a root shell beside the
 * image's own init. Nothing of this is in the image; whoever boots a kernel decides what its initrd is.
 */
export async function probingInitrd(image: Image): Promise<Buffer> {
  const initrd = await readFile(join(image.directory, 'initrd.img'));
  const first = readNewc(initrd, 'init');
  const handOver = /^mount --move .*$/m;
  if (!handOver.test(first)) throw new Error('expected the initrd to move its mounts, got one that does not');
  const overlay = writeNewc([
    { name: 'init', mode: 0o100755, content: first.replace(handOver, (line) => `${LAY}\n${line}`) },
    { name: 'probe', mode: 0o040755, content: '' },
    { name: 'probe/init', mode: 0o100755, content: INIT },
    { name: 'probe/serve', mode: 0o100755, content: SERVE },
  ]);
  const padding = Buffer.alloc((512 - (initrd.length % 512)) % 512);
  return Buffer.concat([initrd, padding, overlay]);
}

/** The root image is read-only: a tmpfs on an empty folder of it holds what is new, and a bind mount puts the new init over the old. */
const LAY = [
  'mount -t tmpfs tmpfs /root/mnt || die "probe: tmpfs"',
  'cp /probe/init /probe/serve /root/mnt/ && cp /root/usr/sbin/init /root/mnt/init.product || die "probe: copy"',
  'mount --bind /root/mnt/init /root/usr/sbin/init || die "probe: bind"',
].join('\n');

const INIT = `#!/bin/busybox sh
/bin/busybox sh /mnt/serve </dev/null >/dev/null 2>&1 &
exec /mnt/init.product
`;

/** One order a line, in base64; one line of answer: exit code, output in base64. */
const SERVE = `export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
until [ -d /run/burnbag ] && for p in /sys/class/virtio-ports/*; do
  read -r name <$p/name && [ "$name" = ${PROBE_PORT} ] && port=/dev/\${p##*/}
done && [ -n "$port" ]; do usleep 50000; done
exec 3<>$port
while read -r order <&3; do
  echo "$order" | base64 -d >/run/probe.order
  sh /run/probe.order </dev/null >/run/probe.output 2>&1; code=$?
  echo "$code $(base64 -w0 /run/probe.output)" >&3
done
`;

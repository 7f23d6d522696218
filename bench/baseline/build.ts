import { access, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { runCommand } from '../../orchestrator/setup/command.ts';
import { isRoot, toolEnvironment, findProgram } from '../../orchestrator/setup/host.ts';
import type { Environment } from '../../orchestrator/setup/item.ts';

/*
 * The stock cloud VM: Debian trixie as its cloud images have it (systemd, cloud-init, OpenSSH, the cloud kernel with its initramfs, ext4), made
 * here because image servers cannot be reached from everywhere. It boots by -kernel and so without GRUB, which is in the baseline's favour.
 */

/** What Debian's own genericcloud image is made of, as far as a boot notices. */
const PACKAGES = [
  'systemd-sysv', 'systemd-resolved', 'udev', 'dbus', 'libpam-systemd', 'netplan.io', 'iproute2', 'cloud-init', 'openssh-server', 'sudo', 'python3', 'cron', 'kmod', 'procps', 'login',
  'linux-image-cloud-amd64', 'initramfs-tools', 'bash-completion', 'locales', 'ca-certificates', 'curl', 'polkitd',
]; // prettier-ignore
const BUILD_SECONDS = 900;
/** Debian's own image has 3 GiB; sparse. */
const DISK_SIZE = '3G';
const ROOT_TAR = 'root.tar';

/** The files a boot needs, in the baseline's folder. */
export interface BaselineImage {
  readonly disk: string;
  readonly kernel: string;
  readonly initrd: string;
}

/** The baseline's image, built when it is not there (about three minutes on two cores, 1.5 GiB while it works). */
export async function buildBaseline(
  home: string,
  env: Environment,
  say: (what: string) => void,
): Promise<BaselineImage> {
  const folder = join(home, 'baseline');
  const image = { disk: join(folder, 'disk.img'), kernel: join(folder, 'vmlinuz'), initrd: join(folder, 'initrd.img') };
  if (await areThere(Object.values(image))) return image;
  await rm(folder, { recursive: true, force: true });
  await mkdir(dirname(folder), { recursive: true });
  const work = await mkdtemp(`${folder}.tmp-`);
  try {
    say('Debian packages of the baseline image');
    await makeTree(work, env);
    say('the baseline disk');
    await makeDisk(work, env);
    await rename(work, folder);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return image;
}

async function makeTree(work: string, env: Environment): Promise<void> {
  await tool('mmdebstrap', [
    '--quiet',
    '--format=tar',
    '--variant=apt',
    '--skip=cleanup/apt',
    `--include=${PACKAGES.join(',')}`,
    '--customize-hook=echo "LABEL=root / ext4 rw,discard,errors=remount-ro 0 1" >"$1/etc/fstab"; echo baseline >"$1/etc/hostname"; rm -f "$1"/etc/ssh/ssh_host_*; : >"$1/etc/machine-id"; touch "$1/etc/.updated" "$1/var/.updated"',
    `--customize-hook=copy-out /boot ${work}`,
    'trixie',
    join(work, ROOT_TAR),
    ...(await debianSources(env)),
  ], env); // prettier-ignore
  const boot = join(work, 'boot');
  for (const name of await readdir(boot)) {
    if (name.startsWith('vmlinuz')) await rename(join(boot, name), join(work, 'vmlinuz'));
    if (name.startsWith('initrd.img')) await rename(join(boot, name), join(work, 'initrd.img'));
  }
  await rm(boot, { recursive: true });
}

/** An ext4 disk from the tar, owners included: as root, or as root of a user namespace. */
async function makeDisk(work: string, env: Environment): Promise<void> {
  const asRoot = isRoot() ? [] : ['unshare', '--user', '--map-auto', '--map-root-user'];
  const script = [
    'set -eu; mkdir tree; trap "rm -rf tree" EXIT',
    `tar x --numeric-owner --exclude='./dev/*' -C tree -f ${ROOT_TAR}`,
    `mke2fs -q -t ext4 -L root -d tree disk.img ${DISK_SIZE}; rm ${ROOT_TAR}`,
  ].join('\n');
  await writeFile(join(work, 'make-disk.sh'), script);
  const args = [...asRoot, 'sh', 'make-disk.sh'];
  await tool('env', args, env, work);
  await rm(join(work, 'make-disk.sh'));
}

/** The package sources this machine's apt uses for Debian; none where it uses none, and then mmdebstrap takes its own. */
async function debianSources(env: Environment): Promise<string[]> {
  const args = ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages', 'Origin: Debian', 'Component: main'];
  const addresses = (await tool('apt-get', args, env)).split('\n');
  const mirror = addresses.find((address) => address !== '' && !address.includes('security'));
  return mirror === undefined ? [] : [`deb ${mirror} trixie main`];
}

async function tool(name: string, args: readonly string[], env: Environment, cwd?: string): Promise<string> {
  const program = await findProgram(name, env);
  if (program === undefined)
    throw new Error(`expected the program ${name} for the baseline, got none on PATH; install it`);
  const options = { env: toolEnvironment(env), deadlineSeconds: BUILD_SECONDS, ...(cwd !== undefined && { cwd }) };
  const result = await runCommand(program, args, options);
  if (result.exitCode !== 0)
    throw new Error(
      `expected ${name} to succeed, got ${result.ended}: ${result.output.split('\n').slice(-8).join('\n')}`,
    );
  return result.output;
}

async function areThere(paths: readonly string[]): Promise<boolean> {
  const found = await Promise.allSettled(paths.map((path) => access(path)));
  return found.every((one) => one.status === 'fulfilled');
}

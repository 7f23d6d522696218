import { access } from 'node:fs/promises';
import { SetupError } from '../orchestrator/setup/errors.ts';
import { findProgram } from '../orchestrator/setup/host.ts';
import type { SetupContext } from '../orchestrator/setup/item.ts';
import { installCommand, installPackages } from '../orchestrator/setup/items/apt.ts';
import { ensureMoto } from './moto.ts';

/** What tests need of a host beyond what the product needs. */
const TEST_TOOLS = [
  { program: 'ssh-keygen', debianPackage: 'openssh-client', why: 'says whether it agrees with our certificates' },
  { program: 'sshd', debianPackage: 'openssh-server', why: 'a real server for the relay, on a port of its own' },
  { program: 'qemu-io', debianPackage: 'qemu-utils', why: 'reads the scratch disk as an attacker with the file would' },
  { program: 'unsquashfs', debianPackage: 'squashfs-tools', why: 'looks into the image' },
];

/** Installs the test tools that are missing, moto only where it is wanted. Throws SetupError with the exact command where it may not. */
export async function ensureTestTools(context: SetupContext, { moto }: { readonly moto: boolean }): Promise<void> {
  if (moto) await ensureMoto(context);
  const found = await Promise.all(TEST_TOOLS.map((row) => findProgram(row.program, context.env)));
  const missing = TEST_TOOLS.filter((_, index) => found[index] === undefined).map((row) => row.debianPackage);
  if (missing.length === 0) return;
  context.progress(`installing what the tests need: ${missing.join(', ')}`);
  if (missing.includes('openssh-server')) await refuseToStartService(missing);
  await installPackages(missing, context);
}

/** On a machine with systemd, Debian's package starts a server that the network can reach: not ours to decide. */
async function refuseToStartService(missing: readonly string[]): Promise<void> {
  const hasSystemd = await access('/run/systemd/system').then(
    () => true,
    () => false,
  );
  if (!hasSystemd) return;
  throw new SetupError('programs_missing', {
    expected: 'sshd on this machine, for the tests',
    got: 'none, and its package would start a server here',
    hint: `run: sudo systemctl mask ssh.service ssh.socket; ${installCommand(missing)}`,
  });
}

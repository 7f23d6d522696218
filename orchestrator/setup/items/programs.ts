import { access } from 'node:fs/promises';
import { SetupError } from '../errors.ts';
import { findProgram, findSystemProgram, isRoot } from '../host.ts';
import type { Check, Environment, SetupContext, SetupItem } from '../item.ts';
import { installCommand, installPackages } from './apt.ts';

/** A program (or, with a slash, a file) of this host, the Debian package that has it, and what it is for. */
interface HostProgram {
  readonly program: string;
  readonly debianPackage: string;
  readonly why: string;
  /** Root builds images without user namespaces. */
  readonly notForRoot?: true;
  /** The driver looks for it in system folders only, whatever PATH says. */
  readonly system?: true;
}

const QEMU: readonly HostProgram[] = [
  { program: 'qemu-system-x86_64', debianPackage: 'qemu-system-x86', why: 'runs the sandbox', system: true },
];

const IMAGE_TOOLS: readonly HostProgram[] = [
  { program: 'mmdebstrap', debianPackage: 'mmdebstrap', why: 'unpacks Debian packages into a root file system' },
  { program: 'sqfstar', debianPackage: 'squashfs-tools', why: 'makes the read-only root image from a tar' },
  { program: 'cpio', debianPackage: 'cpio', why: 'makes the initrd' },
  { program: 'xz', debianPackage: 'xz-utils', why: 'unpacks kernel modules and packages' },
  { program: 'newuidmap', debianPackage: 'uidmap', why: 'lets mmdebstrap work without root', notForRoot: true },
  {
    program: '/usr/share/keyrings/debian-archive-keyring.gpg',
    debianPackage: 'debian-archive-keyring',
    why: "checks the Debian packages' signatures",
  },
];

/** The emulator. */
export const qemu = hostPrograms('qemu', 'runs the sandbox', QEMU, 30);

/** What the sandbox image is built with. */
export const imageTools = hostPrograms('image-tools', 'build the sandbox image', IMAGE_TOOLS, 15);

/** Absolute paths of every host program that is there, for the stamp. */
export async function installedPrograms(env: Environment): Promise<string[]> {
  const found = await Promise.all([...QEMU, ...IMAGE_TOOLS].map((row) => locate(row, env)));
  return found.filter((path) => path !== undefined);
}

function hostPrograms(
  name: 'qemu' | 'image-tools',
  why: string,
  programs: readonly HostProgram[],
  expectedSeconds: number,
): SetupItem {
  return {
    name,
    why,
    needs: [],
    deadlineSeconds: 1500,
    expectedSeconds,
    check: (context) => checkPrograms(programs, context),
    async fix(context) {
      const absent = await missing(programs, context.env);
      const packages = [...new Set(absent.map((row) => row.debianPackage))];
      await installPackages(packages, context);
      const still = await missing(programs, context.env);
      if (still.length > 0) throw stillMissing(still);
    },
  };
}

async function checkPrograms(programs: readonly HostProgram[], context: SetupContext): Promise<Check> {
  const absent = await missing(programs, context.env);
  if (absent.length === 0) return { state: 'ok', what: programs.map((row) => shortName(row)).join(', ') };
  return {
    state: 'missing',
    what: absent.map((row) => `${shortName(row)} (${row.why})`).join(', '),
    whatToDo: installCommand([...new Set(absent.map((row) => row.debianPackage))]),
  };
}

async function missing(programs: readonly HostProgram[], env: Environment): Promise<HostProgram[]> {
  const wanted = programs.filter((row) => !(row.notForRoot === true && isRoot()));
  const found = await Promise.all(wanted.map((row) => locate(row, env)));
  return wanted.filter((_, index) => found[index] === undefined);
}

async function locate(row: HostProgram, env: Environment): Promise<string | undefined> {
  if (row.system === true) return findSystemProgram(row.program);
  if (!row.program.startsWith('/')) return findProgram(row.program, env);
  return access(row.program).then(
    () => row.program,
    () => undefined,
  );
}

function shortName(row: HostProgram): string {
  return row.program.startsWith('/') ? row.debianPackage : row.program;
}

function stillMissing(programs: readonly HostProgram[]): SetupError {
  return new SetupError('package_installation_failed', {
    expected: `the packages just installed to bring ${programs.map(shortName).join(', ')}`,
    got: 'packages without them',
    hint: 'install these programs yourself: this distribution names its packages otherwise, or is too old',
  });
}

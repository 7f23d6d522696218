import { GUEST } from '../wire/ends.ts';

/** How the guest's processor is made: by the host's (KVM) or in software (TCG). */
export type Acceleration = 'kvm' | 'tcg';

/** What a processor so made is worth as a boundary. */
export function isolationBy(acceleration: Acceleration): 'kvm' | 'emulated' {
  return acceleration === 'kvm' ? 'kvm' : 'emulated';
}

/** Everything QEMU's argument vector depends on. Descriptors are numbers in the child; nothing here is secret. */
export interface MachinePlan {
  readonly label: string;
  readonly machineId: string;
  readonly acceleration: Acceleration;
  readonly memoryMiB: number;
  readonly cpus: number;
  readonly kernelWords: string;
  readonly descriptors: MachineDescriptors;
}

/** Files the child inherits, by their number there. */
export interface MachineDescriptors {
  readonly kernel: number;
  readonly initrd: number;
  readonly root: number;
  readonly scratch: number;
  readonly scratchKey: number;
  readonly console: number;
  readonly audit: number;
  readonly sshd: number;
  readonly executor: number;
  /** A connected stream socket: the other end of the guest's only network cable. */
  readonly cable: number;
}

/**
 * QEMU's argument vector: a microvm without any device that is not named here. Files come as inherited descriptors, so the
 * process needs no way into the data directory. Pure: the golden test holds every word.
 */
export function machineArguments(plan: MachinePlan): readonly string[] {
  const { descriptors: fd } = plan;
  return [
    ...identity(plan),
    ...hardware(plan),
    ...['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
    ...['-kernel', inherited(fd.kernel), '-initrd', inherited(fd.initrd), '-append', plan.kernelWords],
    ...fileChannel('console', fd.console),
    ...['-serial', 'chardev:console'],
    ...rootDisk(fd.root),
    ...scratchDisk(fd.scratch, fd.scratchKey),
    ...network(fd.cable),
    ...['-device', 'virtio-rng-device'],
    ...['-device', 'virtio-serial-device,max_ports=4'],
    ...logPort('audit', fd.audit),
    ...logPort('sshd', fd.sshd),
    ...logPort('exec', fd.executor),
  ];
}

/** What a probe boot needs: the same machine and processor, and nothing else. */
export function probeArguments(plan: {
  label: string;
  acceleration: Acceleration;
  kernel: number;
  initrd: number;
  kernelWords: string;
}): readonly string[] {
  return [
    ...['-name', plan.label],
    ...hardware({ acceleration: plan.acceleration, memoryMiB: 256, cpus: 1 }),
    ...['-kernel', inherited(plan.kernel), '-initrd', inherited(plan.initrd), '-append', plan.kernelWords],
    ...['-serial', 'stdio'],
  ];
}

/** `-name` and `-uuid` make a machine findable in /proc when nothing else is known of it. */
function identity({ label, machineId }: MachinePlan): readonly string[] {
  return ['-name', label, '-uuid', machineId];
}

function hardware({
  acceleration,
  memoryMiB,
  cpus,
}: Pick<MachinePlan, 'acceleration' | 'memoryMiB' | 'cpus'>): readonly string[] {
  return [
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    ...['-M', 'microvm,acpi=on'],
    ...PROCESSOR[acceleration],
    ...['-m', String(memoryMiB), '-smp', String(acceleration === 'kvm' ? cpus : TCG_CPUS)],
  ];
}

/** One processor under TCG, whatever was asked: with two, QEMU 7.2 tears a guest kernel's self-patching code in one boot of a hundred (int3 oops). */
const TCG_CPUS = 1;

/** Under TCG the vector units cost more than they bring; the translation buffer is bounded so that the memory limit can be. */
const PROCESSOR: Readonly<Record<Acceleration, readonly string[]>> = {
  kvm: ['-accel', 'kvm', '-cpu', 'host'],
  tcg: ['-accel', 'tcg,thread=multi,tb-size=256', '-cpu', 'max,-cx16,-avx,-avx2'],
};

/** The loader opens these two by name; the kernel resolves the name to what the descriptor refers to. */
function inherited(descriptor: number): string {
  return `/proc/self/fd/${descriptor}`;
}

/** QEMU's own way to take a descriptor: set N holds descriptor N. */
function descriptorSet(descriptor: number): { readonly path: string; readonly words: readonly string[] } {
  return { path: `/dev/fdset/${descriptor}`, words: ['-add-fd', `fd=${descriptor},set=${descriptor}`] };
}

function fileChannel(id: string, descriptor: number): readonly string[] {
  const { path, words } = descriptorSet(descriptor);
  return [...words, '-chardev', `file,id=${id},path=${path},append=on`];
}

/** First disk, so /dev/vda: shared by all runs and never written. */
function rootDisk(descriptor: number): readonly string[] {
  const { path, words } = descriptorSet(descriptor);
  const node = {
    driver: 'raw',
    'node-name': 'root',
    'read-only': true,
    file: { driver: 'file', filename: path, 'read-only': true, aio: 'threads' },
  };
  return [...words, '-blockdev', JSON.stringify(node), '-device', 'virtio-blk-device,drive=root,serial=root'];
}

/** Second disk, so /dev/vdb: this run's own, encrypted under a key that only this process and QEMU ever hold. */
function scratchDisk(descriptor: number, keyDescriptor: number): readonly string[] {
  const { path, words } = descriptorSet(descriptor);
  const node = {
    driver: 'luks',
    'node-name': 'scratch',
    'key-secret': 'scratch-key',
    discard: 'unmap',
    file: { driver: 'file', filename: path, aio: 'threads', discard: 'unmap' },
  };
  return [
    ...words,
    ...['-object', `secret,id=scratch-key,file=${inherited(keyDescriptor)}`],
    ...['-blockdev', JSON.stringify(node), '-device', 'virtio-blk-device,drive=scratch,serial=scratch'],
  ];
}

/** A network of one cable, whose other end the relay's process holds (wire/). No router of QEMU's, so nothing behind it. */
function network(descriptor: number): readonly string[] {
  const address = GUEST.mac.toString('hex').replaceAll(/(..)(?=.)/g, '$1:');
  return [
    ...['-netdev', `stream,id=net,server=off,addr.type=fd,addr.str=${descriptor}`],
    ...['-device', `virtio-net-device,netdev=net,mac=${address}`],
  ];
}

/** A way out for one log stream, which works although the network is shut. */
function logPort(stream: string, descriptor: number): readonly string[] {
  return [...fileChannel(stream, descriptor), '-device', `virtserialport,chardev=${stream},name=org.burnbag.${stream}`];
}

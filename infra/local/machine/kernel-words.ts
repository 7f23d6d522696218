import { readFile } from 'node:fs/promises';
import { DriverError } from '../../error.ts';
import type { Acceleration } from './arguments.ts';

/** The run's public facts, which init reads from /proc/cmdline: out of reach of the guest's network, and nothing in it secret. */
export interface RunWords {
  /** OpenSSH line of the CA's public key, `ssh-ed25519 AAAA…` or `ecdsa-sha2-nistp256 AAAA…`. */
  readonly caPublicKey: string;
  readonly machineId: string;
  readonly lifetimeSeconds: number;
  readonly nowSeconds: number;
  /** Where sshd may forward to, `127.0.0.1:PORT`; nowhere when empty. */
  readonly tunnels: readonly string[];
}

/** The kernel command line of a sandbox. */
export function kernelWords(run: RunWords, acceleration: Acceleration, tscKhz: number | undefined): string {
  return [
    ...hostWords(acceleration, tscKhz),
    'quiet',
    'root=/dev/vda',
    'rootfstype=squashfs',
    `burnbag.ca=${caBlob(run.caPublicKey)}`,
    `burnbag.machine=${run.machineId}`,
    `burnbag.lifetime=${run.lifetimeSeconds}`,
    `burnbag.now=${run.nowSeconds}`,
    ...(run.tunnels.length === 0 ? [] : [`burnbag.tunnels=${tunnelWord(run.tunnels)}`]),
  ].join(' ');
}

/** The kernel command line of a probe boot: it talks, and says so when it reaches its first program. */
export function probeWords(acceleration: Acceleration, tscKhz: number | undefined): string {
  return [...hostWords(acceleration, tscKhz), 'loglevel=7'].join(' ');
}

/** The rate of the host's time stamp counter in kHz, which an emulated guest sees; undefined where the host does not say. */
export async function readTscKhz(): Promise<number | undefined> {
  const [cpuinfo, base] = await Promise.all([readFile('/proc/cpuinfo', 'utf8'), readIfPresent(BASE_FREQUENCY)]);
  return parseTscKhz(cpuinfo, base);
}

/**
 * See readTscKhz. Where the host changes its clock, `cpu MHz` is the moment's rate and the counter's is the nominal one:
 * cpufreq's base frequency, or the rate in the model's name.
 */
export function parseTscKhz(cpuinfo: string, baseFrequency?: string): number | undefined {
  if (baseFrequency !== undefined && /^[0-9]{5,8}\n?$/.test(baseFrequency)) return Number(baseFrequency);
  const nominal = /^model name\s*:.*@ ([0-9]\.[0-9]{2})GHz/m.exec(cpuinfo)?.[1];
  if (nominal !== undefined) return Math.round(Number(nominal) * 1_000_000);
  const mhz = /^cpu MHz\s*:\s*([0-9]{2,5}(?:\.[0-9]{1,3})?)/m.exec(cpuinfo)?.[1];
  return mhz === undefined ? undefined : Math.round(Number(mhz) * 1000);
}

/** Words that depend on the machine and not on the run. images/README.md says what each one pays. */
function hostWords(acceleration: Acceleration, tscKhz: number | undefined): readonly string[] {
  return [
    ...['console=ttyS0', 'reboot=t', 'panic=-1'],
    ...(acceleration === 'tcg' ? underEmulation(tscKhz) : []),
    ...[
      'random.trust_cpu=on',
      'cryptomgr.notests',
      '8250.nr_uarts=1',
      'i8042.noaux',
      'rcupdate.rcu_expedited=1',
      'ipv6.disable=1',
    ],
    'initcall_blacklist=jent_mod_init,trace_eval_init,load_system_certificate_list,init_kprobe_trace',
    ...['noreplace-smp', 'init_on_alloc=0', 'lsm=capability,yama,lockdown', 'audit=1', 'audit_backlog_limit=8192'],
  ];
}

/**
 * A microvm has no clock to measure the TSC against and hangs in a third of its boots unless told the rate.
 * Address randomisation and CPU mitigations cost seconds in software and protect nothing there; with KVM they stay on.
 */
function underEmulation(tscKhz: number | undefined): readonly string[] {
  return [
    'tsc=reliable',
    ...(tscKhz === undefined ? [] : [`tsc_early_khz=${tscKhz}`]),
    'no_timer_check',
    'lpj=4000000',
    'nokaslr',
    'mitigations=off',
  ];
}

const BASE_FREQUENCY = '/sys/devices/system/cpu/cpu0/cpufreq/base_frequency';

async function readIfPresent(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}

/** One word, and nothing in it that init or sshd could read as more than a list. */
function tunnelWord(tunnels: readonly string[]): string {
  const word = tunnels.join(',');
  if (tunnels.every((one) => /^127\.0\.0\.1:[1-9][0-9]{0,4}$/.test(one)) && word.length <= TUNNELS_MAX_CHARS)
    return word;
  throw new DriverError('bad_request', {
    expected: 'a short list of 127.0.0.1:PORT',
    got: JSON.stringify(word.slice(0, 80)),
    hint: 'it comes from the profile; this is a defect',
  });
}

/** The kernel takes 2,048 characters in all. */
const TUNNELS_MAX_CHARS = 200;

/** The base64 part of the key line; one word, since a space would end it. */
function caBlob(line: string): string {
  const [, ed25519, p256] = CA_LINE.exec(line) ?? [];
  const blob = ed25519 ?? p256;
  if (blob !== undefined) return blob;
  throw new DriverError('bad_request', {
    expected: "the CA's public key as one OpenSSH line, ssh-ed25519 AAAA… or ecdsa-sha2-nistp256 AAAA…",
    got: JSON.stringify(line.slice(0, 40)),
    hint: 'it comes from the CA; this is a defect',
  });
}

const CA_LINE = /^(?:ssh-ed25519 ([A-Za-z0-9+/]{68})|ecdsa-sha2-nistp256 ([A-Za-z0-9+/]{139}=))(?: [^\n]*)?$/;

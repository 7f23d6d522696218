import { ImageError } from '../error.ts';

/** What is baked into an image, since nothing per run is sent into a machine on EC2. All of it is public. */
export interface BakedFacts {
  /** OpenSSH line of the CA's public key, `ssh-ed25519 AAAA…` or `ecdsa-sha2-nistp256 AAAA…`. */
  readonly caPublicKey: string;
  /** Private address of the relay's interface: the only one the guest's own firewall lets in. */
  readonly relayAddress: string;
  /** Seconds after boot at which the guest powers itself off, whatever a run's grant says: no TTL is ever "never". */
  readonly lifetimeSeconds: number;
  /** Where the guest's sshd may forward to inside the guest, `127.0.0.1:PORT` each; nowhere where there are none. */
  readonly tunnels?: readonly string[];
  /** Further kernel words, for a boot under emulation. */
  readonly moreWords?: readonly string[];
}

/** The kernel command line of an image for EC2. images/README.md says what the words pay; the machine's id is not among them: see init. */
export function bakedWords(baked: BakedFacts): string {
  const { caPublicKey, relayAddress, lifetimeSeconds, tunnels = [], moreWords = [] } = baked;
  const [type = '', blob = ''] = caPublicKey.split(' ');
  if (!/^(ssh-ed25519|ecdsa-sha2-nistp256)$/.test(type) || !/^[A-Za-z0-9+/]{68,139}=?$/.test(blob))
    throw refusal("the CA's public key as one OpenSSH line", caPublicKey);
  if (!/^[0-9]{1,3}(\.[0-9]{1,3}){3}$/.test(relayAddress)) throw refusal("the relay's IPv4 address", relayAddress);
  if (!Number.isSafeInteger(lifetimeSeconds) || lifetimeSeconds < 60 || lifetimeSeconds > LIFETIME_MAX_SECONDS)
    throw refusal(`a lifetime of 60 to ${LIFETIME_MAX_SECONDS} s`, String(lifetimeSeconds));
  const facts = [`burnbag.ca=${blob}`, `burnbag.relay=${relayAddress}`, `burnbag.lifetime=${lifetimeSeconds}`];
  return [...WORDS, ...moreWords, ...tunnelWords(tunnels), ...facts].join(' ');
}

/** The guest takes more for no list; the kernel takes 2,048 characters in all. */
const TUNNELS_MAX_CHARS = 200;

function tunnelWords(tunnels: readonly string[]): readonly string[] {
  if (tunnels.length === 0) return [];
  const list = tunnels.join(',');
  if (!tunnels.every((one) => /^127\.0\.0\.1:[1-9][0-9]{0,4}$/.test(one)) || list.length > TUNNELS_MAX_CHARS)
    throw refusal('a short list of 127.0.0.1:PORT', list);
  return [`burnbag.tunnels=${list}`];
}

/** The longest a certificate lives (orchestrator/ca/kinds.ts) and what a run may take around it. */
export const LIFETIME_MAX_SECONDS = 3_600 + 300;

const WORDS: readonly string[] = [
  // Say it on the serial console, and end at the first failure.
  ...['console=ttyS0', 'panic=-1', 'quiet'],
  // From the first process on, nothing lost.
  ...['audit=1', 'audit_backlog_limit=8192', 'lsm=capability,yama,lockdown'],
  ...['random.trust_cpu=on', 'ipv6.disable=1'],
  // A disk that is slow to answer is waited for, as EC2's documentation wants it.
  'nvme_core.io_timeout=4294967295',
];

function refusal(expected: string, got: string): ImageError {
  const hint = 'these come from the CA, the foundation’s outputs and the profile';
  return new ImageError('bad_fact', { expected, got: JSON.stringify(got.slice(0, 80)), hint });
}

import { setTimeout as sleep } from 'node:timers/promises';
import { DriverError } from '../../error.ts';
import { type AwsAccess, openClients } from '../api/clients.ts';
import { readConsoleOutput } from '../api/console-output.ts';

/** How long a host key is waited for: a host boots within a minute or two, and EC2 shows its console with a delay of its own. */
export interface HostKeyWait {
  readonly pollMs: number;
  readonly limitMs: number;
}

const WAIT: HostKeyWait = { pollMs: 5_000, limitMs: 300_000 };

/**
 * The host key of an instance, `ssh-ed25519 AAAA…`, as cloud-init says it on the console: through the control plane, which nobody on the
 * network can forge. Rejects with DriverError: `boot_timeout` where none is shown in time, `boot_failed` where two different ones are.
 */
export async function readHostKey(access: AwsAccess, instanceId: string, wait = WAIT): Promise<string> {
  const clients = openClients(access);
  try {
    for (const until = performance.now() + wait.limitMs; ;) {
      const key = hostKeyIn(await readConsoleOutput(clients.ec2, instanceId), instanceId);
      if (key !== undefined) return key;
      if (performance.now() > until) throw notShown(instanceId, wait.limitMs);
      await sleep(wait.pollMs);
    }
  } finally {
    clients.close();
  }
}

/** Between these cloud-init writes the host's public keys, a line each (its module keys_to_console). */
const BLOCK = /^-----BEGIN SSH HOST KEY KEYS-----\r?\n([\s\S]*?)^-----END SSH HOST KEY KEYS-----/gm;
const KEY = /^ssh-ed25519 [A-Za-z0-9+/]{68}(?= |\r?$)/gm;

/** A host that boots twice says the same key twice; another one would mean that somebody else speaks on its console. */
function hostKeyIn(text: string, instanceId: string): string | undefined {
  const said = [...text.matchAll(BLOCK)].flatMap(([, lines = '']) => lines.match(KEY) ?? []);
  const [key, other] = new Set(said);
  if (other === undefined) return key;
  throw new DriverError('boot_failed', {
    expected: `one host key on the console of ${instanceId}`,
    got: 'two different ones',
    hint: 'look at it in the EC2 console, and replace the host',
  });
}

function notShown(instanceId: string, limitMs: number): DriverError {
  return new DriverError('boot_timeout', {
    expected: `a host key on the console of ${instanceId} within ${limitMs / 1000} s`,
    got: 'none',
    hint: 'is it an image with cloud-init, on a Nitro type? Its console: aws ec2 get-console-output --latest',
  });
}

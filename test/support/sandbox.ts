import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { ConcreteId, EngineEvent, ProvisionObserver } from '../../infra/driver.ts';

/** A data directory of its own that shares the prepared sandbox image, and is removed afterwards. */
export async function makeHome(): Promise<{
  readonly home: string;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
}> {
  const home = await mkdtemp(join(tmpdir(), 'burnbag-home-'));
  await symlink(join(preparedHome(), 'image'), join(home, 'image'));
  return { home, [Symbol.asyncDispose]: () => rm(home, { recursive: true, force: true }) };
}

/** The data directory `burnbag setup` has prepared: where images and tools of this checkout lie. */
export function preparedHome(): string {
  return process.env['BURNBAG_HOME'] ?? resolve(import.meta.dirname, '../../.burnbag');
}

/** An observer that keeps what it was told, in order. */
export interface KeepingObserver extends ProvisionObserver {
  readonly record: (id: ConcreteId) => Promise<void>;
  readonly ids: ConcreteId[];
  readonly events: EngineEvent[];
}

/** See KeepingObserver. */
export function keepingObserver(): KeepingObserver {
  const ids: ConcreteId[] = [];
  const events: EngineEvent[] = [];
  return {
    ids,
    events,
    record: (id) => Promise.resolve(void ids.push(id)),
    event: (event) => void events.push(event),
    progress: () => undefined,
  };
}

/** An OpenSSH line of a fresh ed25519 public key: a CA nobody has the private half of. */
export function makePublicKeyLine(): string {
  const raw = generateKeyPairSync('ed25519').publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  const blob = Buffer.concat([Buffer.from('\0\0\0\x0bssh-ed25519\0\0\0\x20', 'latin1'), raw]);
  return `ssh-ed25519 ${blob.toString('base64')}`;
}

import { EngineError, refuse } from '../errors.ts';
import { openSecrets } from '../state/secrets.ts';
import type { Secrets } from '../state/secrets.ts';
import type { StackSettings, Workspace } from './workspace.ts';

/** A stack's configuration, secrets opened. */
export interface Configuration {
  /** `namespace:key` to text; objects are JSON text. */
  readonly values: ReadonlyMap<string, string>;
  readonly secretKeys: readonly string[];
  /** What events may show. */
  readonly shown: Readonly<Record<string, string>>;
}

/** Opens the configuration of a stack's settings. The key is derived only if something in it is secret. */
export async function openConfiguration(workspace: Workspace, settings: StackSettings): Promise<Configuration> {
  const refused = Object.keys(settings.config ?? {}).find((key) => key === 'pulumi:autonaming');
  if (refused !== undefined) refuse(`the configuration ${refused}`);
  const values = new Map<string, string>();
  const secretKeys: string[] = [];
  let secrets: Secrets | undefined;
  for (const [key, value] of Object.entries(settings.config ?? {})) {
    const name = key.includes(':') ? key : `${workspace.project}:${key}`;
    const secure = typeof value === 'object' && value !== null && 'secure' in value ? value.secure : undefined;
    if (typeof secure === 'string') {
      secrets ??= await openSettingsSecrets(workspace, settings);
      secretKeys.push(name);
      values.set(name, secrets.decrypt(secure));
    } else {
      values.set(name, typeof value === 'string' ? value : JSON.stringify(value));
    }
  }
  const hidden = new Set(secretKeys);
  const shown = Object.fromEntries([...values].map(([key, value]) => [key, hidden.has(key) ? '[secret]' : value]));
  return { values, secretKeys, shown };
}

async function openSettingsSecrets(workspace: Workspace, settings: StackSettings): Promise<Secrets> {
  const passphrase = await workspace.passphrase();
  if (passphrase === undefined || settings.encryptionsalt === undefined) {
    throw new EngineError(
      'bad_passphrase',
      'error: secret configuration needs PULUMI_CONFIG_PASSPHRASE and an encryptionsalt in the stack settings',
    );
  }
  return openSecrets(passphrase, settings.encryptionsalt);
}

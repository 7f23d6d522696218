import { type RelayHostPlan, relayHostConfig } from './sshd-config.ts';

/** What makes a Linux host the relay: two files, or one document from which cloud-init writes both at the first boot. */
export interface RelayHostFiles {
  readonly username: string;
  /** For SSHD_CONFIG_FILE. */
  readonly sshdConfig: string;
  /** For `~/.ssh/authorized_keys` of that user. */
  readonly authorizedKeys: string;
  /** The same and the user, as user data of an instance. */
  readonly cloudConfig: string;
}

/** Read before sshd's own settings, as Debian, Ubuntu and Amazon Linux include this folder; the first value of a keyword wins. */
export const SSHD_CONFIG_FILE = '/etc/ssh/sshd_config.d/10-burnbag.conf';

/** The files of a relay host that lets this key have connections opened to these subnets. Throws DriverError `bad_request`. */
export function relayHostFiles(plan: RelayHostPlan & { readonly publicKeyLine: string }): RelayHostFiles {
  const { username, publicKeyLine } = plan;
  const sshdConfig = relayHostConfig(plan);
  const key = `restrict,port-forwarding ${publicKeyLine}`;
  return {
    username,
    sshdConfig,
    authorizedKeys: `${key}\n`,
    cloudConfig: cloudConfigOf(username, key, sshdConfig),
  };
}

/** JSON is YAML, so no text needs quoting by us. */
function cloudConfigOf(username: string, key: string, sshdConfig: string): string {
  const document = {
    // eslint-disable-next-line no-restricted-syntax -- cloud-init's word for a user's login shell, which here is none
    users: ['default', { name: username, shell: '/usr/sbin/nologin', lock_passwd: true, ssh_authorized_keys: [key] }],
    ssh_pwauth: false,
    write_files: [{ path: SSHD_CONFIG_FILE, permissions: '0644', content: sshdConfig }],
    runcmd: [['systemctl', 'try-reload-or-restart', 'sshd.service']],
  };
  return `#cloud-config\n${JSON.stringify(document, undefined, 2)}\n`;
}

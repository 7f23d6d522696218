import type { Command } from 'commander';
import type { ResultOf } from '../door.ts';
import { call, type Door } from './command.ts';

interface Options {
  readonly file: string;
  readonly user?: string;
  readonly cloudInit?: true;
}

/** Adds `burnbag aws relay-config`. */
export function addRelayConfig(parent: Command, door: Door): void {
  parent
    .command('relay-config')
    .description('print what makes a host the relay: its sshd configuration and whom it lets in')
    .requiredOption('--file <file>', 'the foundation’s inputs, as docs/aws.md has them')
    .option('--user <name>', 'the user that connections are opened as (burnbag-relay)')
    .option('--cloud-init', 'as one document for cloud-init: the user data of an instance')
    .action(async ({ file, user, cloudInit }: Options) => {
      const config = await call(door, 'aws_relay_config', { file, ...(user !== undefined && { user }) });
      door.console.print(config, (shown) => (cloudInit === true ? shown.cloud_config : sshdText(shown)).split('\n'));
    });
}

/** sshd takes it as it is: what belongs elsewhere is a comment. */
function sshdText(config: ResultOf<'aws_relay_config'>): string {
  return [
    `# ${config.sshd_config_file} on the relay host; \`sshd -t\` checks it, reloading sshd applies it.`,
    `# ~${config.username}/.ssh/authorized_keys, of a user whose shell is /usr/sbin/nologin:`,
    `#   ${config.authorized_keys.trim()}`,
    config.sshd_config.trimEnd(),
  ].join('\n');
}

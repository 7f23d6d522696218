import type { RootShell } from '../root-guest/shell.ts';

/**
 * Takes layers off the guest's SSH, as root. The image is read-only: what is new lies in memory and is bound over what was. Once off they stay off,
 * but sshd's configuration, which can be put back.
 */

/** The user's home becomes a folder with files that shells and sshd run at login, and the login shell what is given. */
export async function giveHome(
  root: RootShell,
  shell: '/usr/local/bin/agent-exec' | '/bin/sh' | '/bin/bash',
): Promise<void> {
  await must(
    root,
    `umount /etc/passwd 2>/dev/null; mkdir -p ${HOME}/.ssh
echo 'touch ${HOME}/rc-ran' >${HOME}/.ssh/rc; echo 'touch ${HOME}/bashrc-ran' >${HOME}/.bashrc
sed 's,^\\(agent-runner:.*\\)::/:.*$,\\1::${HOME}:${shell},' /etc/passwd >/run/passwd
grep -q '^agent-runner:.*:${HOME}:${shell}$' /run/passwd && chown -R agent-runner ${HOME} && mount --bind /run/passwd /etc/passwd`,
  );
}

/** Whether a file of that home was run since this was last asked. */
export async function hasRun(root: RootShell, name: 'rc' | 'bashrc'): Promise<boolean> {
  return (await root.run(`rm ${HOME}/${name}-ran`)).code === 0;
}

const HOME = '/run/home';

/** sshd with nothing of the product's but its keys and who may log in. */
export async function loosenSshd(root: RootShell): Promise<void> {
  await must(root, `cat >/run/loose <<'END'\n${LOOSE}END\n${restart('-f /run/loose')}`);
}

/** sshd with the product's configuration, but nobody notes the certificate of a connection. */
export async function forgetLogins(root: RootShell): Promise<void> {
  const asked = 's,^AuthorizedPrincipalsCommand .*,AuthorizedPrincipalsFile /run/burnbag/principals/%u,';
  const config = `sed -e '${asked}' -e '/^AuthorizedPrincipalsCommandUser/d' /etc/ssh/sshd_config >/run/forgetful`;
  await must(
    root,
    `${config} && grep -q '^AuthorizedPrincipalsFile' /run/forgetful || exit 1\n${restart('-f /run/forgetful')}`,
  );
}

/** sshd as the product starts it. */
export async function restoreSshd(root: RootShell): Promise<void> {
  await must(root, restart(''));
}

/** X11 needs a program that the image lacks; sshd only wants it to be there. */
const LOOSE = `HostKey /run/burnbag/host_key
PidFile none
UsePAM no
TrustedUserCAKeys /run/burnbag/ca.pub
AuthorizedPrincipalsFile /run/burnbag/principals/%u
AuthorizedKeysFile none
ExposeAuthInfo yes
AllowTcpForwarding yes
AllowStreamLocalForwarding yes
AllowAgentForwarding yes
X11Forwarding yes
XAuthLocation /usr/bin/true
PermitTTY yes
PermitTunnel yes
PermitUserRC yes
AcceptEnv *
Subsystem sftp internal-sftp
MaxSessions 10
PerSourcePenalties no
LogLevel VERBOSE
`;

/** Ends the listener, not the connections, and waits for the new one. */
function restart(options: string): string {
  return `busybox killall sshd; while grep -q ':0016 .* 0A ' /proc/net/tcp; do usleep 50000; done
/usr/sbin/sshd ${options} || exit 1; until grep -q ':0016 .* 0A ' /proc/net/tcp; do usleep 50000; done`;
}

async function must(root: RootShell, script: string): Promise<void> {
  const { code, output } = await root.run(script);
  if (code !== 0) throw new Error(`expected root to do it, got exit ${code}: ${output}`);
}

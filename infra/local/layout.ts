import { join } from 'node:path';
import { checkedInstallationId, isRunId, runFolderOf, type Owner, type RunFolder } from '../host/run-folder.ts';

/** Where everything of one run lies on this host. All of it must be gone after the burn. */
export interface Layout extends RunFolder {
  /** What QEMU carries as its `-name`: how a machine is found when nothing else is known of it. */
  readonly label: string;
  readonly disk: string;
  /** The relay's door to the guest's sshd. */
  readonly socket: string;
  /** What QEMU itself says on its standard output and error. */
  readonly machineLog: string;
}

/** The layout of one run. Refuses ids that could leave their folder or split an argument. */
export function layoutOf(owner: Owner, runId: string): Layout {
  const folder = runFolderOf(owner, runId);
  return {
    ...folder,
    label: `${labelPrefix(owner)}${runId}`,
    disk: join(folder.directory, 'scratch.img'),
    socket: join(folder.directory, 'ssh.sock'),
    machineLog: join(folder.directory, 'qemu.log'),
  };
}

/** The run a label belongs to, or undefined when it is not one of this installation's. */
export function runOfLabel(owner: Owner, label: string): string | undefined {
  const prefix = labelPrefix(owner);
  const runId = label.startsWith(prefix) ? label.slice(prefix.length) : '';
  return isRunId(runId) ? runId : undefined;
}

function labelPrefix(owner: Owner): string {
  return `burnbag-${checkedInstallationId(owner)}-`;
}

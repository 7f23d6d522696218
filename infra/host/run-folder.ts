import { join, sep } from 'node:path';
import { DriverError } from '../error.ts';

/** The Pulumi project every run's stack belongs to. */
export const PROJECT = 'burnbag';

/** Who owns what: the data directory and the name that tells this installation's machines from another's. */
export interface Owner {
  /** Absolute path of the data directory. */
  readonly home: string;
  /** Letters, digits and dashes; part of every label and tag. */
  readonly installationId: string;
}

/** What every driver keeps of one run on this host. All of it must be gone after the burn. */
export interface RunFolder {
  readonly runId: string;
  /** The data directory. */
  readonly home: string;
  readonly stack: string;
  readonly directory: string;
  readonly workDir: string;
  readonly streams: {
    readonly console: string;
    readonly sshd: string;
    readonly executor: string;
    readonly audit: string;
  };
}

const RUN_ID = /^[0-9a-f]{12}$/;
const INSTALLATION_ID = /^[A-Za-z0-9-]{1,64}$/;

/** The folder of one run. Refuses ids that could leave it or split an argument. */
export function runFolderOf(owner: Owner, runId: string): RunFolder {
  if (!RUN_ID.test(runId)) throw malformed('a run id of 12 hexadecimal digits', runId);
  const directory = join(liveDirectory(owner), runId);
  return {
    runId,
    home: owner.home,
    stack: `run-${runId}`,
    directory,
    workDir: join(directory, 'pulumi'),
    streams: {
      console: join(directory, 'console.log'),
      sshd: join(directory, 'sshd.log'),
      executor: join(directory, 'executor.log'),
      audit: join(directory, 'audit.log'),
    },
  };
}

/** The run a stack belongs to, or undefined when the name is not one of ours. */
export function runOfStack(stack: string): string | undefined {
  const runId = stack.startsWith('run-') ? stack.slice('run-'.length) : '';
  return RUN_ID.test(runId) ? runId : undefined;
}

/** Whether a name is a run id, as folders in `live/` are named. */
export function isRunId(name: string): boolean {
  return RUN_ID.test(name);
}

/** The installation id, once it is one. */
export function checkedInstallationId({ installationId }: Owner): string {
  if (INSTALLATION_ID.test(installationId)) return installationId;
  throw malformed('an installation id of letters, digits and dashes', installationId);
}

/** The folder that holds one folder per living run. */
export function liveDirectory(owner: Owner): string {
  return join(owner.home, 'live');
}

/** The folder Pulumi's file backend keeps its `.pulumi` in. */
export function stateDirectory(owner: Owner): string {
  return join(owner.home, 'state');
}

/** Whether a path is the run's folder or lies in it: the only place a path from a manifest may be deleted. */
export function isOfRun(folder: RunFolder, path: string): boolean {
  return path === folder.directory || (path.startsWith(folder.directory + sep) && !path.split(sep).includes('..'));
}

function malformed(expected: string, got: string): DriverError {
  return new DriverError('bad_request', {
    expected,
    got: JSON.stringify(got),
    hint: 'ids come from the orchestrator; this is a defect',
  });
}

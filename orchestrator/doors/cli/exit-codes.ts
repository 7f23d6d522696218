import type { Explained } from '../../errors.ts';
import type { Outcome, RunState } from '../../run/lifecycle.ts';

/** Exit codes of the CLI, with sysexits(3) numbers where it has one. Documented in docs/cli.md; a test compares the two. */
export const EXIT_CODES = {
  succeeded: { code: 0, why: 'the run did what was asked, and the sandbox is proven gone' },
  failed: { code: 1, why: 'the script or an action failed; the sandbox is proven gone' },
  timed_out: { code: 3, why: 'the run reached its deadline; the sandbox is proven gone' },
  cancelled: { code: 4, why: 'somebody cancelled the run; the sandbox is proven gone' },
  interrupted: { code: 5, why: 'the run was cut off (crash, lost machine); the sandbox is proven gone' },
  usage: { code: 64, why: 'the command line is wrong' },
  bad_data: { code: 65, why: 'a script, actions file or bundle has the wrong content' },
  no_input: { code: 66, why: 'a named file does not exist or cannot be read' },
  unavailable: { code: 69, why: 'something Burnbag needs is missing or does not answer (QEMU, image, archive)' },
  internal: { code: 70, why: 'a defect in Burnbag' },
  cannot_create: { code: 73, why: 'no disk space, or the data directory cannot be written' },
  busy: { code: 75, why: 'another process holds this data directory: try again later' },
  refused: { code: 77, why: 'policy refuses the request; nothing was started' },
  configuration: { code: 78, why: 'the configuration cannot be read' },
  quarantined: { code: 80, why: 'the sandbox is not proven gone: act on it' },
  not_verified: { code: 81, why: 'the evidence does not verify' },
} as const;

export type ExitName = keyof typeof EXIT_CODES;

/** Which exit an error's stable code means. A code that is not listed is a defect, and exits as one. */
const BY_ERROR_CODE: Readonly<Record<string, ExitName>> = {
  bad_argument: 'usage',
  bad_actions: 'bad_data',
  script_too_large: 'bad_data',
  script_without_interpreter: 'bad_data',
  no_such_script: 'no_input',
  no_evidence: 'no_input',
  not_running: 'usage',
  bad_configuration: 'configuration',
  refused_by_policy: 'refused',
};

/** The exit of a command that ended with an error. */
export function exitOfError(error: Explained): number {
  return EXIT_CODES[BY_ERROR_CODE[error.code] ?? 'internal'].code;
}

/** The exit of a command that saw a run to its end. */
export function exitOfRun(state: RunState, outcome: Outcome | null): number {
  if (state === 'quarantined') return EXIT_CODES.quarantined.code;
  if (state === 'refused') return EXIT_CODES.refused.code;
  return EXIT_CODES[outcome ?? 'interrupted'].code;
}

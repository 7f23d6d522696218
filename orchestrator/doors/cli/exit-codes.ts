/** Exit codes of the CLI, with sysexits(3) numbers where it has one. Documented in docs/cli.md; a test compares the two. */
export const EXIT_CODES = {
  succeeded: { code: 0, why: 'the run did what was asked, and the sandbox is proven gone' },
  failed: { code: 1, why: 'the script or an action failed; the sandbox is proven gone' },
  timed_out: { code: 3, why: 'the run reached its deadline; the sandbox is proven gone' },
  cancelled: { code: 4, why: 'somebody stopped it; where there was a sandbox, it is proven gone' },
  interrupted: { code: 5, why: 'the run was cut off (crash, lost machine); the sandbox is proven gone' },
  usage: { code: 64, why: 'the command line is wrong' },
  bad_data: { code: 65, why: 'a script, actions file or bundle has the wrong content' },
  no_input: { code: 66, why: 'a named file does not exist or cannot be read' },
  unavailable: { code: 69, why: 'something Burnbag needs is missing or does not answer (QEMU, image, archive)' },
  internal: { code: 70, why: 'a defect in Burnbag' },
  cannot_create: { code: 73, why: 'no disk space, or the data directory cannot be written' },
  busy: { code: 75, why: 'another process holds this data directory: try again later' },
  refused: { code: 77, why: 'policy refuses the request; nothing was started' },
  configuration: {
    code: 78,
    why: 'the configuration cannot be read, or names what will not do (an archive without Object Lock, a wrong key)',
  },
  quarantined: { code: 80, why: 'the sandbox is not proven gone: act on it' },
  not_verified: { code: 81, why: 'the evidence does not verify' },
} as const;

export type ExitName = keyof typeof EXIT_CODES;

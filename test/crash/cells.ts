import type { Fault } from '../support/crash-plan.ts';
import { FAILPOINTS, type FailpointName } from '../../orchestrator/run/failpoint.ts';
import type { Cell } from './cell.ts';

const STEPS = Object.keys(FAILPOINTS) as FailpointName[];
const WHENS = ['before', 'after'] as const;

/** A journal, and some space. */
const DISK_MIB = 192;

/** The journal's own steps: what fails there is a database, and the product is told so in its words. */
const JOURNAL_STEPS: ReadonlySet<FailpointName> = new Set([
  'request_stored',
  'lease',
  'id_stored',
  'host_key',
  'serial_stored',
  'connected',
  'action_journalled',
  'action_sent',
  'answer_stored',
  'destroy_journalled',
  'closed',
]);

/** What a recovery goes through, and can be killed in. */
const RECOVERY_STEPS: readonly FailpointName[] = [
  'evidence_signed',
  'chunk_uploaded',
  'destroy_journalled',
  'killed',
  'disk_gone',
  'stack_gone',
  'sweep_clean',
  'receipt_signed',
  'archived',
  'closed',
];

/** The matrix: every step × every fault that can strike there. */
export const CELLS: readonly Cell[] = [
  ...kills(),
  ...errors(),
  ...killsInRecovery(),
  ...machines(),
  ...stores(),
  ...clocks(),
  ...reboots(),
  ...sleepers(0),
  ...(canMount() ? fullDisks() : []),
];

/** The same on real machines, wherever a fault can be made from outside of them: QEMU ends with its owner, what it leaves is real. */
export const REAL_CELLS: readonly Cell[] = [
  ...kills().filter(({ step }) => step !== 'effect_done'),
  ...(['boot', 'connected', 'action_sent', 'evidence_signed'] as const).flatMap((step) =>
    (['SIGKILL', 'SIGTERM'] as const).map((machineGets) => ({
      step,
      fault: machineGets === 'SIGKILL' ? 'QEMU is killed' : 'the guest is gone',
      run: { fault: { step, when: 'after', how: 'ask' } } as const,
      machineGets,
    })),
  ),
  ...sleepers(60),
].map((cell) => ({ ...cell, driver: 'local' as const }));

/** SIGKILL before and after each step. */
function kills(): readonly Cell[] {
  return STEPS.flatMap((step) =>
    WHENS.map((when) => ({ step, fault: `SIGKILL ${when}`, run: killed(step, when), mustDie: true })),
  );
}

/** The effect itself happens in the machine, and so does what kills its owner around it. */
function killed(step: FailpointName, when: Fault['when']): Cell['run'] {
  if (step === 'effect_done')
    return { machine: { at: when === 'before' ? 'before_effect' : 'effect', how: 'kill_owner' } };
  return { fault: { step, when, how: 'kill' } };
}

/** An error that is not a death: the same process has to end its run in good order. */
function errors(): readonly Cell[] {
  return STEPS.filter((step) => step !== 'effect_done').flatMap((step) => {
    const isJournal = JOURNAL_STEPS.has(step);
    const hows: readonly Fault['how'][] = isJournal ? ['unavailable'] : ['ENOSPC', 'EIO'];
    return hows.map((how, index) => {
      const when = WHENS[index % WHENS.length] ?? 'before';
      const fault = isJournal ? 'database gone, once' : `${how} ${when}`;
      return { step, fault, run: { fault: { step, when, how } } } satisfies Cell;
    });
  });
}

/** A run that was killed in the middle of its script, and a recovery that is killed in its turn. */
function killsInRecovery(): readonly Cell[] {
  return RECOVERY_STEPS.flatMap((step) =>
    WHENS.map((when) => ({
      step,
      fault: `SIGKILL ${when}, in the recovery`,
      run: killed('effect_done', 'after'),
      recoveries: [{ fault: { step, when, how: 'kill' as const } }],
      mustDie: true,
    })),
  );
}

/** A machine that dies under its owner. */
function machines(): readonly Cell[] {
  const cell = (step: FailpointName, fault: string, machine: NonNullable<Cell['run']['machine']>): Cell => ({
    step,
    fault,
    run: { machine },
  });
  return [
    cell('boot', 'machine dies', { at: 'before_ready', how: 'die' }),
    cell('boot', 'guest panics', { at: 'before_ready', how: 'panic' }),
    cell('host_key', 'machine dies', { at: 'ready', how: 'die' }),
    cell('effect_done', 'machine dies before', { at: 'before_effect', how: 'die' }),
    cell('effect_done', 'machine dies after', { at: 'effect', how: 'die' }),
    cell('effect_done', 'reply lost', { at: 'effect', how: 'drop_reply' }),
  ];
}

/** An archive that does not take the evidence, or does not say that it did; with and without a crash. */
function stores(): readonly Cell[] {
  const faults = {
    unavailable: 'store 503',
    ambiguous: 'reply to the upload lost',
    hangs: 'store never answers',
  } as const;
  const of = (store: keyof typeof faults, rest: Partial<Cell> = {}): Cell => {
    const { fault = '', ...more } = rest;
    return { step: 'chunk_uploaded', fault: `${faults[store]}${fault}`, store, run: {}, ...more };
  };
  const crash = { fault: ', SIGKILL before', run: killed('evidence_signed', 'before'), mustDie: true };
  return [of('unavailable'), of('ambiguous'), of('unavailable', crash), of('ambiguous', crash), of('hangs', crash)];
}

/** A clock that jumps between the crash and the recovery. */
function clocks(): readonly Cell[] {
  const run = killed('effect_done', 'after');
  return [
    { step: 'effect_done', fault: 'clock one hour back', run, recovery: { clockSeconds: -3_600 }, mustDie: true },
    { step: 'effect_done', fault: 'clock one hour on', run, recovery: { clockSeconds: 3_600 }, mustDie: true },
  ];
}

/** A host that reboots, whatever the run was doing. */
function reboots(): readonly Cell[] {
  const steps = [
    ['id_stored', 'after'],
    ['action_sent', 'after'],
    ['evidence_signed', 'before'],
    ['disk_gone', 'before'],
    ['receipt_signed', 'before'],
  ] as const;
  return steps.map(([step, when]) => ({
    ...{ step, fault: `host reboots ${when}`, run: killed(step, when), reboot: true, mustDie: true },
  }));
}

/** An owner that is stopped and goes on, another having come meanwhile: to a lock that is held, or that somebody deleted. */
function sleepers(seconds: number): readonly Cell[] {
  const kept = [
    ['boot', 'after'],
    ['action_sent', 'after'],
  ] as const;
  const robbed = [
    ['stack_created', 'before'],
    ['disk', 'before'],
    ['process_spawned', 'before'],
    ['id_stored', 'before'],
    ['keys', 'before'],
    ['action_sent', 'before'],
    ['action_sent', 'after'],
    ['evidence_signed', 'before'],
    ['chunk_uploaded', 'before'],
    ['destroy_journalled', 'after'],
    ['receipt_signed', 'before'],
  ] as const;
  const stop = seconds === 0 ? 'SIGSTOP' : `SIGSTOP for ${seconds} s`;
  const cell = (isRobbed: boolean, [step, when]: (typeof kept | typeof robbed)[number]): Cell => ({
    step,
    fault: `${stop} ${when}, another comes${isRobbed ? ' and takes the data directory' : ''}, SIGCONT`,
    run: { fault: { step, when, how: 'stop' } },
    sleeps: { seconds, isRobbed },
  });
  return [...kept.map((moment) => cell(false, moment)), ...robbed.map((moment) => cell(true, moment))];
}

/** A disk that is full in earnest: journal, scratch disk, spool and evidence share it. */
function fullDisks(): readonly Cell[] {
  const steps = [
    'lease',
    'disk',
    'id_stored',
    'connected',
    'action_sent',
    'evidence_signed',
    'receipt_signed',
  ] as const;
  return steps.map((step) => {
    const run = { fault: { step, when: 'before', how: 'fill' } } as const;
    return { step, fault: 'disk full before, until the recovery', run, sizeMiB: DISK_MIB };
  });
}

/** A small file system of one's own takes root; without it the injected errors stand for it. */
export function canMount(): boolean {
  return process.getuid?.() === 0;
}

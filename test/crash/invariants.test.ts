import { expect, test } from 'vitest';
import type { DumpedRun } from '../support/crash-plan.ts';
import { type Findings, violations } from './invariants.ts';

/*
 * A judge that never finds anything would make the matrix green: each of its rules is broken here once.
 */

const RUN = '0123456789ab';
const CHAIN: DumpedRun = {
  runId: RUN,
  state: 'refused',
  chainHead: 'e9a3c0a9f5cdbd3ca1b2b0a6a7fd0e3f',
  transitions: [],
  ids: [],
  serials: [],
  actions: [],
};
const NOTHING: Findings = {
  atCrash: { remnants: [], receipts: [] },
  after: { remnants: [], receipts: [RUN], unrevoked: [] },
  runs: [],
  ledger: [],
  recoveryAtMs: 1_000,
  cleanMs: 1_000,
};
const effect = (at_ms: number) => ({ run_id: RUN, at_ms, what: 'effect', action: 'run_script', id: 2 }) as const;
const machine = { kind: 'process', what: 'qemu', run: RUN, pid: 1 } as const;
const destroyed = { ...CHAIN, state: 'destroyed', outcome: 'failed' };
const sent = { requestId: 1, action: 'put_file', state: 'sent' };
const transition = (from: string, to: string) => ({ seq: 1, from, to, at: '', previous: '', hash: '' });

test('nothing found is nothing broken', () => {
  expect(violations(NOTHING)).toEqual([]);
});

test.each([
  ['left behind: process qemu', { after: { ...NOTHING.after, remnants: [machine] } }],
  ['not revoked: certificate 7', { after: { ...NOTHING.after, unrevoked: ['7'] } }],
  ['done twice: action 2 (run_script)', { ledger: [effect(1), effect(2)] }],
  ['done after the recovery began: action 2 (run_script)', { ledger: [effect(2_000)] }],
  [`done 2 times: the script of run ${RUN}`, { scripts: { [RUN]: 2 } }],
  [`receipt although something of it was there: run ${RUN}`, { atCrash: { remnants: [machine], receipts: [RUN] } }],
  [`destroyed without a receipt: run ${RUN}`, { runs: [destroyed], after: { ...NOTHING.after, receipts: [] } }],
  [`chain of run ${RUN}: the chain ends elsewhere`, { runs: [CHAIN] }],
  [
    `chain of run ${RUN}: transition 1 does not follow`,
    { runs: [{ ...CHAIN, transitions: [transition('', 'refused')] }] },
  ],
  [
    `run ${RUN} is quarantined, not destroyed`,
    { runs: [{ ...CHAIN, state: 'quarantined', transitions: [transition('admitted', 'provisioning')] }] },
  ],
  [
    `run ${RUN} has no outcome`,
    { runs: [{ ...CHAIN, state: 'destroyed', transitions: [transition('admitted', 'provisioning')] }] },
  ],
  [
    `run ${RUN} executed 2 times`,
    { runs: [{ ...CHAIN, transitions: [transition('ready', 'executing'), transition('ready', 'executing')] }] },
  ],
  ['not seen gone: disk /x', { runs: [{ ...destroyed, ids: [{ kind: 'disk', id: '/x', recordedAt: '' }] }] }],
  ['used before it was recorded: process qemu', { atCrash: { remnants: [machine], receipts: [] } }],
  [
    `done or sent, and not told as unknown: action 2 of run ${RUN}`,
    { runs: [{ ...destroyed, result: { unknown_actions: [] } }], ledger: [effect(1)] },
  ],
  [
    `done or sent, and not told as unknown: action 1 of run ${RUN}`,
    { runs: [{ ...destroyed, actions: [sent], result: { unknown_actions: [] } }] },
  ],
  [
    `told as unknown, and it is known: action 1 of run ${RUN}`,
    {
      runs: [
        {
          ...destroyed,
          actions: [sent, { ...sent, state: 'answered' }],
          result: { unknown_actions: [{ request_id: 1, action: 'put_file' }] },
        },
      ],
    },
  ],
  ['gone after 31000 ms, not 30000', { cleanMs: 31_000 }],
] satisfies [string, Partial<Findings>][])('said: %s', (said, found) => {
  expect(violations({ ...NOTHING, ...found })).toContain(said);
});

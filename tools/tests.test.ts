import { expect, test } from 'vitest';
import { itemsFor, needsMoto } from './tests.ts';

test.each([
  [[], undefined],
  [['executor/'], []],
  [['./executor/protocol/action.test.ts'], []],
  [['orchestrator/run'], []],
  [['orchestrator/evidence/archive'], ['archive-server']],
  [
    ['infra/local', 'orchestrator/evidence'],
    ['qemu', 'image', 'archive-server'],
  ],
  [['infra/aws'], []],
  [['test/support/aws/moto.test.ts'], []],
  [['test/contract'], undefined],
  [['infra'], undefined],
  [['orchestrator'], undefined],
  [['action'], undefined],
])('tests below %j need %j', (paths, items) => {
  expect(itemsFor(paths)).toEqual(items);
});

test.each([
  [[], true],
  [['infra/aws/run'], true],
  [['test/contract'], true],
  [['executor/', 'infra/local'], false],
])('tests below %j talk to moto: %j', (paths, moto) => {
  expect(needsMoto(paths)).toBe(moto);
});

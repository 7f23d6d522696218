import { expect, test } from 'vitest';
import { itemsFor } from './tests.ts';

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
  [['test/contract'], undefined],
  [['infra'], undefined],
  [['orchestrator'], undefined],
  [['action'], undefined],
])('tests below %j need %j', (paths, items) => {
  expect(itemsFor(paths)).toEqual(items);
});

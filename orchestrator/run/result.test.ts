import { expect, test } from 'vitest';
import { unknownOf } from './result.ts';

const at = '2026-01-01T00:00:00Z';
const row = (requestId: number, action: string, state: 'journalled' | 'sent' | 'answered') => ({
  requestId,
  action,
  state,
  at,
});

test('what was sent and never answered is told as unknown; what never left or was answered is not', () => {
  const done = (['journalled', 'sent', 'answered'] as const).map((state) => row(1, 'put_file', state));
  const cutOff = [row(2, 'run_script', 'journalled'), row(2, 'run_script', 'sent')];
  const neverSent = [row(3, 'check_health', 'journalled')];
  expect(unknownOf([...done, ...cutOff, ...neverSent])).toEqual([{ request_id: 2, action: 'run_script' }]);
  expect(unknownOf([])).toEqual([]);
});

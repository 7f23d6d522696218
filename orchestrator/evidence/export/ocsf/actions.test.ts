import { expect, test } from 'vitest';
import { agreeingStreams, runFacts } from '../../../../test/support/bundle.ts';
import type { Manifest } from '../../format/manifest.ts';
import { actionEvents } from './actions.ts';
import { EventMaker } from './event.ts';

test('an action that was denied is an event like those that were allowed, and says so', () => {
  const make = new EventMaker({ run: runFacts() } as Manifest, 'a'.repeat(64));
  const events = actionEvents(make, agreeingStreams().relay).filter((event) => event['class_uid'] === 6003);
  expect(events.map((event) => event['action_id'])).toEqual([1, 1, 2, 1]);
  expect(events[2]).toMatchObject({
    disposition_id: 2,
    status_id: 2,
    severity_id: 3,
    api: { operation: 'read_file', request: { uid: '3' }, response: { error: 'PATH_NOT_GRANTED' } },
  });
});

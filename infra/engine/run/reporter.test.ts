import { expect, it } from 'vitest';
import { secretOf } from '../values/value.ts';
import { displayLine } from './display.ts';
import type { EngineEvent } from './event-log.ts';
import { openEventLog } from './event-log.ts';
import { Reporter } from './reporter.ts';
import { step } from './step.ts';

const state = {
  urn: 'urn:pulumi:dev::bb::bag:index:Box::a',
  type: 'bag:index:Box',
  custom: true,
  inputs: { password: secretOf('hunter2') },
  outputs: { deep: [secretOf('hunter2')] },
};

function open(preview = false): { reporter: Reporter; events: EngineEvent[] } {
  const events: EngineEvent[] = [];
  return {
    reporter: new Reporter(
      openEventLog(undefined, (event) => events.push(event)),
      preview,
    ),
    events,
  };
}

it('shows no secret, in no event and no line', () => {
  const { reporter, events } = open();
  const create = step('create', { next: state });
  reporter.begun(create);
  reporter.succeeded(create, state);
  reporter.failed(create, 'no', 2);
  expect(JSON.stringify(events)).not.toContain('hunter2');
  expect(events.map((event) => displayLine(event)?.text).join('')).not.toContain('hunter2');
});

it('counts what people count: replacements once, default providers never', () => {
  const { reporter } = open();
  const provider = { ...state, type: 'pulumi:providers:bag', urn: 'urn:pulumi:dev::bb::pulumi:providers:bag::default' };
  for (const op of ['create-replacement', 'replace', 'delete-replaced'] as const)
    reporter.succeeded(step(op, { old: state, next: state }), state);
  reporter.succeeded(step('create', { next: provider }), provider);
  expect(reporter.changes).toEqual({ replace: 1 });
});

it('ends with the summary and the end marker, whatever comes late', () => {
  const { reporter, events } = open();
  reporter.failed(step('create', { next: state }), 'no', 2);
  reporter.summary('failed');
  reporter.diagnostic('error', 'too late');
  expect(events.at(-2)?.['summaryEvent']).toMatchObject({ maybeCorrupt: true, result: 'failed' });
  expect(events.at(-1)).toEqual({ cancelEvent: {} });
});

it('a file is no event log', () => {
  expect(() => openEventLog('/tmp/events', () => undefined)).toThrow(expect.objectContaining({ code: 'refused' }));
});

it('a listener that is gone loses events and fails nothing', async () => {
  const log = openEventLog('tcp://127.0.0.1:1', () => undefined);
  log.emit({ cancelEvent: {} });
  await log.close();
});

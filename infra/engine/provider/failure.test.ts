import { Metadata, status } from '@grpc/grpc-js';
import { expect, it } from 'vitest';
import { fault, ProviderFault } from '../../../test/support/provider-answers.ts';
import { readFailure } from './failure.ts';

const error = (code: status, metadata = new Metadata()): Error =>
  Object.assign(new Error('x'), { code, details: 'the words', metadata });
const answered = new Metadata();
answered.set('content-type', 'application/grpc');

it.each([
  ['an answer', error(status.FAILED_PRECONDITION), 'decided', false],
  ['an answer of a node provider', error(status.UNKNOWN, answered), 'decided', true],
  ['a call that was cut off', error(status.UNAVAILABLE), 'unknown', false],
  ['a deadline', error(status.DEADLINE_EXCEEDED), 'unknown', false],
  ['a cancelled call', error(status.CANCELLED), 'unknown', false],
  ['a stream that was reset', error(status.INTERNAL), 'unknown', true],
])('of %s the object’s fate is known or not', (_, failure, fate, maybeCorrupt) => {
  expect(readFailure(failure)).toMatchObject({ fate, maybeCorrupt, partial: undefined });
});

it('reads what was half made', () => {
  const partial = { id: 'half', properties: { a: 1 }, reasons: ['why'] };
  const half = Object.assign(new Error('x'), fault(new ProviderFault('half made', { partial })));
  expect(readFailure(half)).toMatchObject({ fate: 'decided', partial });
});

it.each([
  ['has no id', fault(new ProviderFault('x', { partial: { id: '', properties: {}, reasons: [] } })).metadata],
  ['cannot be read', broken()],
])('what was half made and %s may exist unseen', (_, metadata) => {
  expect(readFailure(error(status.UNKNOWN, metadata))).toMatchObject({ fate: 'unknown', partial: undefined });
});

it('what is no gRPC error is our own', () => {
  expect(readFailure(new TypeError('bug'))).toMatchObject({ fate: 'decided', message: 'bug' });
});

function broken(): Metadata {
  const metadata = new Metadata();
  metadata.add('grpc-status-details-bin', Buffer.from([255, 255, 255]));
  return metadata;
}

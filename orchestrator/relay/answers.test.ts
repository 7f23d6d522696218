import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ActionRequest, Answer } from '../../executor/protocol/index.ts';
import { readAnswer, readUnasked } from './answers.ts';
import { RelayError } from './errors.ts';

const request: ActionRequest = { id: 7, task_id: 't', action: 'list_processes', args: {} };
const good = {
  id: 7,
  status: 'ok',
  action: 'list_processes',
  duration_ms: 1,
  result: { entries: [], truncated: false },
};
const error = { code: 'NOT_FOUND', expected: 'a', got: 'b', hint: 'c' };
const refusal = { code: 'LOGIN_WRONG_MACHINE', expected: 'a', got: 'b', hint: 'c' };

test.each<{ name: string; answer: object }>([
  { name: 'a result', answer: good },
  { name: 'a failure', answer: { id: 7, status: 'failed', error } },
  { name: 'a refusal', answer: { id: 7, status: 'refused', error: { ...error, code: 'PATH_NOT_GRANTED' } } },
])('ok: $name', ({ answer }) => {
  expect(readAnswer(JSON.stringify(answer), request)).toEqual(answer as Answer);
});

test.each<{ name: string; line: string; code: string }>([
  { name: 'another id', line: JSON.stringify({ ...good, id: 8 }), code: 'protocol_violation' },
  { name: 'an id as text', line: JSON.stringify({ ...good, id: '7' }), code: 'protocol_violation' },
  {
    name: "another action's result",
    line: JSON.stringify({ ...good, action: 'check_health' }),
    code: 'protocol_violation',
  },
  { name: 'an unknown field', line: JSON.stringify({ ...good, more: 1 }), code: 'protocol_violation' },
  {
    name: 'a hidden field',
    line: JSON.stringify(good).replace('{', '{"__proto__":{"x":1},'),
    code: 'protocol_violation',
  },
  {
    name: 'an unknown code',
    line: JSON.stringify({ id: 7, status: 'failed', error: { ...error, code: 'MADE_UP' } }),
    code: 'protocol_violation',
  },
  { name: 'an unknown status', line: JSON.stringify({ ...good, status: 'done' }), code: 'protocol_violation' },
  { name: 'two objects', line: `${JSON.stringify(good)}{}`, code: 'protocol_violation' },
  { name: 'half an object', line: JSON.stringify(good).slice(0, 20), code: 'protocol_violation' },
  { name: 'a byte order mark', line: `\ufeff${JSON.stringify(good)}`, code: 'protocol_violation' },
  { name: 'an empty line', line: '', code: 'protocol_violation' },
  {
    name: 'the session refused',
    line: JSON.stringify({ id: null, status: 'refused', error: refusal }),
    code: 'refused',
  },
  ...['GRANT_EXPIRED', 'LOGIN_CERTIFICATE_EXPIRED'].map((over) => ({
    name: `the session over: ${over}`,
    line: JSON.stringify({ id: null, status: 'refused', error: { ...refusal, code: over } }),
    code: 'certificate_expired',
  })),
])('fail: $name', ({ line, code }) => {
  expect(() => readAnswer(line, request)).toThrow(expect.objectContaining({ code }));
});

test('whatever a line says, it is an answer to this request or a RelayError of one printable line', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), (line) => {
      const unasked = readUnasked(line);
      expect(unasked).toBeInstanceOf(RelayError);
      expect(unasked.message).toMatch(/^[\x20-\x7e…]*$/);
      expect(() => readAnswer(line, request)).toThrow(RelayError);
    }),
  );
});

import { expect, test } from 'vitest';
import { FILE_MAX_BYTES } from '../../executor/protocol/index.ts';
import { detonationRequest, parseActions } from './request.ts';

const of = (content: string | Buffer) => ({
  content: Buffer.from(content),
  label: 'x.sh',
  args: [],
  timeoutSeconds: 1,
  requester: 'test',
  profile: 'detonation',
});

test('an actions file may be an array or one action a line', () => {
  const one = { action: 'check_health', args: {} };
  expect(parseActions(JSON.stringify([one]))).toEqual([one]);
  expect(parseActions(`${JSON.stringify(one)}\n\n${JSON.stringify(one)}\n`)).toEqual([one, one]);
});

test.each([
  ['nothing', ''],
  ['an empty list', '[]'],
  ['half a line', '{"action":"check_health"'],
  ['an unknown action', '{"action":"exec","args":{}}'],
  ['an unknown field', '{"action":"check_health","args":{},"shell":"id"}'],
  ['an unknown argument', '{"action":"check_health","args":{"x":1}}'],
  ['a wrong type', '{"action":"list_files","args":{"path":"/work/in","max_entries":"all"}}'],
  ['a path with two readings', '{"action":"read_file","args":{"path":"/work/in/../../etc/shadow","max_bytes":1}}'],
  ['an id of the caller’s own', '{"id":7,"action":"check_health","args":{}}'],
  ['a task id of the caller’s own', '{"task_id":"other","action":"check_health","args":{}}'],
  ['something that is no object', '42'],
])('%s is refused', (_what, text) => {
  expect(() => parseActions(text)).toThrow(expect.objectContaining({ code: 'bad_actions' }));
});

test('a script above the limit is refused before anything starts', () => {
  expect(() => detonationRequest(of(Buffer.alloc(FILE_MAX_BYTES + 1, '#!')))).toThrow(
    expect.objectContaining({ code: 'script_too_large' }),
  );
});

test('a script without an interpreter line is refused: nothing here would guess a shell for it', () => {
  expect(() => detonationRequest(of('echo hello\n'))).toThrow(
    expect.objectContaining({ code: 'script_without_interpreter' }),
  );
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRequest } from './request.ts';

const parse = (text: string | Buffer): ReturnType<typeof parseRequest> => parseRequest(Buffer.from(text));

describe('parseRequest', () => {
  it.each<[string, string, string | Buffer]>([
    ['LINE_MALFORMED', 'bytes that are not UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['LINE_MALFORMED', 'an overlong encoding', Buffer.from([0x22, 0xc0, 0xaf, 0x22])],
    ['LINE_MALFORMED', 'a duplicate member', '{"id":1,"id":2,"task_id":"t","action":"check_health","args":{}}'],
    ['LINE_MALFORMED', 'an empty line', ''],
    ['UNKNOWN_ACTION', 'an unknown action', '{"id":1,"task_id":"t","action":"shell","args":{}}'],
    ['UNKNOWN_ACTION', 'the name of a method', '{"id":1,"task_id":"t","action":"constructor","args":{}}'],
    ['REQUEST_INVALID', 'an array', '[]'],
    ['REQUEST_INVALID', 'a missing member', '{"id":1,"action":"check_health","args":{}}'],
    ['REQUEST_INVALID', 'an action that is no text', '{"id":1,"task_id":"t","action":1,"args":{}}'],
    ['REQUEST_INVALID', 'an unknown member', '{"id":1,"task_id":"t","action":"check_health","args":{},"as":"root"}'],
  ])('refuses with %s: %s', (code, _name, line) => {
    const parsed = parse(line);
    expect(parsed.ok ? undefined : parsed.refusal.code).toBe(code);
  });

  it('tells the id and the action of a bad request when it can', () => {
    expect(parse('{"id":7,"task_id":"t","action":"read_file","args":{}}')).toMatchObject({
      ok: false,
      id: 7,
      action: 'read_file',
    });
    expect(parse('{"id":"7","task_id":"t","action":"read_file","args":{}}')).toMatchObject({ ok: false, id: null });
  });

  it('never repeats what the line said', () => {
    const secret = 'hunter2-hunter2';
    const parsed = parse(
      `{"id":1,"task_id":"${secret}!","action":"check_health","args":{"${secret}":1},"${secret}":1}`,
    );
    expect(JSON.stringify(parsed)).not.toContain(secret);
  });

  it('gives an answer to any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect(parse(Buffer.from(bytes)).ok).toBe(false);
      }),
    );
  });
});

import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CHAIN_START, LINE_MAX_BYTES } from '../../protocol/index.ts';
import { authenticationLine, makeCa, mintBlob } from '../../testing/certificate.ts';
import { makeGrant, makeSandbox, type TestSandbox } from '../../testing/sandbox.ts';
import { readRecords, SessionClient } from '../../testing/session-client.ts';

let sandbox: TestSandbox;
beforeEach(() => {
  sandbox = makeSandbox();
  writeFileSync(join(sandbox.folder, 'work/job/log'), 'one\ntwo\n');
});
afterEach(() => {
  sandbox[Symbol.dispose]();
});

const soon = (seconds: number): number => Math.floor(Date.now() / 1000) + seconds;
const events = (): string[] => readRecords(sandbox).map(({ event }) => event);

describe('a session', () => {
  it('answers request after request, records each before and after, and ends with its input', async () => {
    await using client = SessionClient.open(sandbox, makeGrant());
    const sha256 = createHash('sha256').update('note').digest('hex');
    const content_base64 = Buffer.from('note').toString('base64');
    expect(await client.request('put_file', { path: '/work/in/note.txt', content_base64, sha256 })).toMatchObject({
      id: 1,
      status: 'ok',
    });
    expect(await client.request('read_file', { path: '/work/in/note.txt', max_bytes: 10 })).toMatchObject({
      result: { data: 'note' },
    });
    expect(await client.request('read_file', { path: '/etc/passwd', max_bytes: 10 })).toMatchObject({
      error: { code: 'PATH_NOT_GRANTED' },
    });
    expect(await client.request('get_file', { path: '/work/job/none', offset: 0, length: 1 })).toMatchObject({
      status: 'failed',
      error: { code: 'NOT_FOUND' },
    });
    client.end();
    expect(await client.rest()).toEqual({ answers: [], exitCode: 0 });
    const both = ['action_started', 'action_ended'];
    expect(events()).toEqual(['session_open', ...both, ...both, 'refused', ...both, 'session_closed']);
    expect(readRecords(sandbox).at(-1)).toMatchObject({ reason: 'end_of_input', answered: 4 });
  });

  it('opens once with a certificate: whoever comes with it again is refused, and that is recorded', async () => {
    const text = authenticationLine(mintBlob(sandbox.ca, makeGrant()));
    await using first = new SessionClient(sandbox, text);
    expect(await first.request('check_health', {})).toMatchObject({ status: 'ok' });
    await using second = new SessionClient(sandbox, text);
    expect(await second.next()).toMatchObject({ id: null, error: { code: 'LOGIN_CERTIFICATE_USED' } });
    expect(await second.rest()).toMatchObject({ exitCode: 77 });
    expect(events()).toContain('session_refused');
  });

  it('chains its records, and keeps content out of them', async () => {
    await using client = SessionClient.open(sandbox, makeGrant());
    const secret = 'hunter2-hunter2';
    const content_base64 = Buffer.from(secret).toString('base64');
    const sha256 = createHash('sha256').update(secret).digest('hex');
    await client.request('put_file', { path: '/work/in/note.txt', content_base64, sha256 });
    await client.request('read_file', { path: '/work/in/note.txt', max_bytes: 100 });
    client.send(`{"${secret}":1}\n`);
    await client.next();
    client.end();
    await client.rest();
    const text = readFileSync(sandbox.guest.auditFile, 'utf8');
    expect(text).not.toContain(secret);
    expect(text).not.toContain(content_base64);
    let prev = CHAIN_START;
    for (const line of text.trimEnd().split('\n')) {
      expect(JSON.parse(line)).toMatchObject({ prev });
      prev = createHash('sha256').update(line).digest('hex');
    }
  });

  it('refuses what it cannot read or was not granted, and goes on', async () => {
    await using client = SessionClient.open(sandbox, makeGrant());
    const lines: [string | Buffer, string][] = [
      ['not json\n', 'LINE_MALFORMED'],
      ['{"id":1,"id":2}\n', 'LINE_MALFORMED'],
      [Buffer.from([0xff, 0x0a]), 'LINE_MALFORMED'],
      ['{} {}\n', 'LINE_MALFORMED'],
      ['[]\n', 'REQUEST_INVALID'],
      ['{"id":1,"task_id":"task-1","action":"exec","args":{}}\n', 'UNKNOWN_ACTION'],
      ['{"id":5,"task_id":"task-2","action":"check_health","args":{}}\n', 'WRONG_TASK'],
      ['{"id":5,"task_id":"task-1","action":"check_health","args":{}}\n', 'ID_NOT_INCREASING'],
    ];
    for (const [line, code] of lines) {
      client.send(line);
      expect(await client.next()).toMatchObject({ status: 'refused', error: { code } });
    }
    client.send('{"id":6,"task_id":"task-1","action":"check_health","args":{}}\n');
    expect(await client.next()).toMatchObject({ id: 6, status: 'ok' });
    expect(events()).not.toContain('session_closed');
  });

  it('answers what came before the end of the input, and refuses half a line', async () => {
    await using client = SessionClient.open(sandbox, makeGrant());
    const request = '{"id":1,"task_id":"task-1","action":"tail_log","args":{"path":"/work/job/log","lines":1}}';
    client.send(`${request}\n${request.replace('"id":1', '"id":2')}`);
    client.end();
    const { answers, exitCode } = await client.rest();
    expect(answers).toMatchObject([
      { id: 1, status: 'ok' },
      { id: null, error: { code: 'LINE_MALFORMED' } },
    ]);
    expect(exitCode).toBe(0);
  });

  it('ends at a line over the limit', async () => {
    await using client = SessionClient.open(sandbox, makeGrant());
    client.send(Buffer.alloc(LINE_MAX_BYTES + 1, 0x20));
    expect(await client.rest()).toMatchObject({
      answers: [{ id: null, error: { code: 'LINE_TOO_LONG' } }],
      exitCode: 76,
    });
    expect(readRecords(sandbox).at(-1)).toMatchObject({ reason: 'protocol_violation' });
  });

  it('ends when its grant expires, idle as it is', async () => {
    await using client = SessionClient.open(sandbox, makeGrant({ expires_at: soon(8) }));
    expect(await client.request('check_health', {})).toMatchObject({ status: 'ok' });
    expect(await client.rest()).toMatchObject({
      answers: [{ id: null, error: { code: 'GRANT_EXPIRED' } }],
      exitCode: 75,
    });
    expect(readRecords(sandbox).at(-1)).toMatchObject({ reason: 'expired' });
  });

  it('ends when its grant expires, also when nobody reads its answers', async () => {
    writeFileSync(join(sandbox.folder, 'work/job/large'), Buffer.alloc(1024 * 1024));
    await using client = SessionClient.open(sandbox, makeGrant({ expires_at: soon(8) }));
    client.process.stdout?.pause();
    for (let id = 1; id <= 8; id++) {
      client.send(
        `{"id":${id},"task_id":"task-1","action":"get_file","args":{"path":"/work/job/large","offset":0,"length":1048576}}\n`,
      );
    }
    const before = Date.now();
    await new Promise((resolve) => client.process.once('exit', resolve));
    expect(Date.now() - before).toBeLessThan(25_000);
  });

  it('ends on a signal', async () => {
    await using client = SessionClient.open(sandbox, makeGrant());
    await client.request('check_health', {});
    client.process.kill('SIGTERM');
    expect(await client.rest()).toMatchObject({ exitCode: 143 });
    expect(readRecords(sandbox).at(-1)).toMatchObject({ reason: 'terminated' });
  });

  it('serves nobody without a good certificate, and records that', async () => {
    await using client = new SessionClient(sandbox, authenticationLine(mintBlob(makeCa(), makeGrant())));
    client.send('{"id":1,"task_id":"task-1","action":"check_health","args":{}}\n');
    expect(await client.rest()).toMatchObject({
      answers: [{ id: null, error: { code: 'LOGIN_CERTIFICATE_UNTRUSTED' } }],
      exitCode: 77,
    });
    expect(events()).toEqual(['session_refused']);
  });

  it('runs nothing that it cannot record', async () => {
    const deaf: TestSandbox = { ...sandbox, guest: { ...sandbox.guest, auditPort: '/dev/full' } };
    await using client = SessionClient.open(deaf, makeGrant());
    client.send('{"id":1,"task_id":"task-1","action":"check_health","args":{}}\n');
    expect(await client.rest()).toMatchObject({
      answers: [{ id: null, error: { code: 'AUDIT_UNAVAILABLE' } }],
      exitCode: 69,
    });
  });
});

describe('a login that revokes', () => {
  const open = (): SessionClient => {
    const grant = makeGrant();
    const [principals, keyId] = [[`revoke-${grant.machine_id}`], `run=${grant.run_id}:revoke=${grant.machine_id}`];
    const blob = mintBlob(sandbox.ca, grant, { principals, keyId, extensions: [], serial: 5n });
    return new SessionClient(sandbox, authenticationLine(blob));
  };

  it('takes one line, records it, and from then on these serials open nothing', async () => {
    await using client = open();
    client.send('{"revoke":["9"]}\n');
    expect(await client.text()).toBe('{"revoked":["9"]}');
    expect(readRecords(sandbox)).toMatchObject([{ event: 'certificates_revoked', serials: ['5', '9'] }]);
    await using late = new SessionClient(
      sandbox,
      authenticationLine(mintBlob(sandbox.ca, makeGrant(), { serial: 9n })),
    );
    expect(await late.next()).toMatchObject({ error: { code: 'LOGIN_CERTIFICATE_USED' } });
  });

  it.each([
    '{"id":1,"task_id":"task-1","action":"check_health","args":{}}\n',
    '{"revoke":[]}\n',
    '{"revoke":["0"]}\n',
    '{"revoke":["../krl"]}\n',
    '{"revoke":["1"],"allow":["2"]}\n',
    '{"revoke":["1"],"revoke":["2"]}\n',
    '{"revoke":["1"]}',
  ])('takes no other line: %j', async (line) => {
    await using client = open();
    client.send(line);
    client.end();
    expect(await client.next()).toMatchObject({ id: null, error: { code: 'REQUEST_INVALID' } });
    expect(await client.rest()).toMatchObject({ exitCode: 77 });
    expect(events()).toEqual(['session_refused']);
  });
});

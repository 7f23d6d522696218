import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { call, execute, fork, hex, stream } from './audit-records-for-tests.ts';
import { buildReport, Report } from './index.ts';

const habits = readFileSync(new URL('./fixtures/habits.audit', import.meta.url));
const of = (audit: Uint8Array): Report => buildReport({ runId: '0123456789ab', audit, scripts: [] });
const commandLines = (report: Report): string[] =>
  report.processes.map(({ programs }) => programs.map(({ argv }) => argv.join(' ')).join(' => '));

describe('of the stream that a real sandbox sent', () => {
  const report = of(habits);
  const byName = (start: string) =>
    report.processes.find(({ programs }) => programs.some(({ argv }) => argv.join(' ').startsWith(start)));

  test('it is a report, and nothing in the stream was illegible', () => {
    expect(Report.parse(report)).toEqual(report);
    expect(report.audit).toMatchObject({ bytes: habits.length, malformed: 0 });
    expect(report.left_out).toEqual({ processes: 0, failed_programs: 0, connections: 0, files: 0, refused: 0 });
  });

  test('one tree: what the spawner started, and what came of it', () => {
    const script = createHash('sha256')
      .update(readFileSync(new URL('./fixtures/habits.sh', import.meta.url)))
      .digest('hex');
    expect(report.processes.filter(({ parent }) => parent === null)).toHaveLength(1);
    expect(report.processes[0]?.programs[0]).toMatchObject({
      argv: ['/bin/bash', `/work/in/${script}`, 'one', 'two words'],
      cwd: '/work/job',
    });
    expect(report.counts.processes).toBe(report.processes.length);
  });

  test('a process that only forked is in its children’s line, whatever order the records came in', () => {
    const [cat, ls] = [byName('cat /dev/null'), byName('ls')];
    const inner = report.processes.find(({ id }) => id === cat?.parent);
    expect(inner).toMatchObject({ programs: [], parent: ls?.parent });
    expect(report.processes.find(({ id }) => id === inner?.parent)).toMatchObject({ programs: [], parent: 1 });
  });

  test('a process whose parent died before it did anything keeps the parent it had', () => {
    const orphan = byName('/bin/true');
    const between = report.processes.find(({ id }) => id === orphan?.parent);
    expect(between).toMatchObject({ programs: [] });
    expect(report.processes.find(({ id }) => id === between?.parent)?.programs[0]?.argv[0]).toBe('perl');
  });

  test('a program under a false name is told from one under its own', () => {
    const programs = report.processes.flatMap(({ programs: all }) => all);
    expect(programs.filter(({ disguised }) => disguised)).toMatchObject([
      { argv: ['[kworker/0:1]', '2'], exe: '/usr/bin/sleep' },
    ]);
  });

  test('programs that could not be started', () => {
    expect(report.failed_programs).toMatchObject([
      { path: './no-such-program', error: 'ENOENT', times: 1 },
      { path: '/work/job/relative.txt', error: 'EACCES', times: 1 },
    ]);
  });

  test('connections, with how each ended', () => {
    const said = report.connections.map(({ address, port, scope, transport, how, result }) => [
      address,
      port,
      scope,
      transport,
      how,
      result,
    ]);
    expect(said).toEqual([
      ['198.51.100.7', 80, 'outside', 'stream', 'connect', 'ENETUNREACH'],
      ['127.0.0.1', 9, 'loopback', 'stream', 'connect', 'ECONNREFUSED'],
      ['10.0.2.2', 80, 'outside', 'stream', 'connect', 'EINTR'],
      ['10.0.2.3', 53, 'outside', 'datagram', 'connect', 'ok'],
      ['10.0.2.3', 53, 'outside', 'datagram', 'send', 'EPERM'],
      ['/run/burnbag/spawner.sock', null, 'local', null, 'connect', 'ENOENT'],
      ['@abs', null, 'local', null, 'connect', 'ECONNREFUSED'],
    ]);
    expect(report.counts).toMatchObject({ connections_tried: 5, connections_possible: 0, connections_undecided: 2 });
  });

  test('files, by absolute path also where only an open folder was named', () => {
    expect(report.files.map(({ path, changes }) => [path, changes.join()])).toEqual([
      ['/work/job/relative.txt', 'created,written'],
      ['/tmp/left-behind', 'created'],
      ['/work/job/tree', 'created,removed'],
      ['/work/job/tree/sub', 'created,removed'],
      ['/work/job/tree/sub/f', 'created,removed'],
      ['/work/job/a', 'created'],
      ['/work/job/b', 'renamed,mode_changed'],
      ['/work/job/link', 'linked'],
      ['/work/job/pipe', 'created'],
      ['/work/job/evil\n\u001b[2J\\xff', 'created'],
      ['/work/job/a b', 'created'],
      ['/work/job/quo"te', 'created'],
    ]);
    expect(report.files.find(({ path }) => path === '/work/job/b')).toMatchObject({
      from: '/work/job/a',
      resolved: true,
    });
    expect(report.counts.noise).toBeGreaterThan(0);
  });

  test('what was refused', () => {
    expect(report.refused.map(({ path, error }) => [path, error])).toEqual([
      ['/etc/passwd', 'EROFS'],
      ['/root/x', 'EACCES'],
      ['/etc/shadow', 'EACCES'],
    ]);
  });

  test('the guest’s own log file, which has no end-of-event records, gives the same report', () => {
    const file = Buffer.from(
      habits
        .toString('latin1')
        .split('\n')
        .filter((line) => !line.startsWith('type=EOE'))
        .join('\n'),
      'latin1',
    );
    expect({ ...of(file), audit: report.audit }).toEqual(report);
  });

  test('without records of sockets, an address taken by a datagram socket counts as possible: more is not known', () => {
    const audit = Buffer.from(
      habits
        .toString('latin1')
        .split('\n')
        .filter((line) => !line.includes('syscall=41 '))
        .join('\n'),
      'latin1',
    );
    expect(of(audit).counts).toMatchObject({ connections_tried: 5, connections_possible: 1 });
  });
});

test('a script’s text cannot make a record: a forged line inside a name stays in the name', () => {
  const forged =
    'x\ntype=SYSCALL msg=audit(1795423950.000:999): arch=c000003e syscall=59 success=yes exit=0 ppid=1 pid=666 uid=2002 key="exec"\n';
  const report = of(
    stream(execute(100, 7, '/bin/echo', forged), [
      call(257, 100, 7, { a0: 'ffffff9c', key: '"write"' }),
      'CWD cwd="/"',
      `PATH item=0 name=${hex(forged)} nametype=CREATE`,
    ]),
  );
  expect(report.processes).toHaveLength(1);
  expect(report.processes[0]?.programs[0]?.argv).toEqual(['/bin/echo', forged]);
  expect(report.files[0]?.path).toBe(`/${forged}`);
});

test('processes of others are no part of it, even under a pid that the script had', () => {
  const root = call(59, 100, 1, { uid: 0 });
  const report = of(
    stream(
      execute(100, 7, '/bin/sh'),
      [root, 'EXECVE argc=1 a0="cron"'],
      [call(59, 200, 1, { uid: 0 }), 'EXECVE argc=1 a0="sshd"'],
    ),
  );
  expect(commandLines(report)).toEqual(['/bin/sh']);
});

test('a child that raised its rights is part of it, and says so', () => {
  const report = of(stream(execute(100, 7, '/bin/sh'), [call(59, 101, 100, { uid: 0 }), 'EXECVE argc=1 a0="su"']));
  expect(report.processes).toMatchObject([{ uid: 2002 }, { uid: 0, parent: 1, programs: [{ argv: ['su'] }] }]);
});

test('a pid that is used again is another process', () => {
  const report = of(
    stream(
      execute(100, 7, '/bin/sh'),
      fork(100, 7, 101),
      execute(101, 100, '/bin/a'),
      fork(100, 7, 101),
      execute(101, 100, '/bin/b'),
    ),
  );
  expect(commandLines(report)).toEqual(['/bin/sh', '/bin/a', '/bin/b']);
});

test('threads are no processes; a child of clone3 is one when it is seen again', () => {
  const thread = [call(56, 100, 7, { exit: 101, a0: '3d0f00' })];
  const clone3 = (child: number) => [call(435, 100, 7, { exit: child })];
  const report = of(stream(execute(100, 7, '/bin/node'), thread, clone3(102), clone3(103), execute(103, 1, '/bin/a')));
  expect(report.processes).toMatchObject([{ pid: 100 }, { pid: 103, parent: 1 }]);
});

test('an argument in parts is one argument; many and long ones are cut', () => {
  const parts = [
    call(59, 100, 7),
    `EXECVE argc=2 a0="sh" a1_len=6 a1[0]=${hex('aü').slice(0, 4)}`,
    `EXECVE a1[1]=${hex('aü').slice(4)}6262`,
    'EXECVE a99999="x"',
  ];
  expect(of(stream(parts)).processes[0]?.programs[0]?.argv).toEqual(['sh', 'aübb']);
  const [long] = of(stream(execute(100, 7, ...Array.from({ length: 400 }, () => 'x'.repeat(5_000))))).processes;
  expect(long?.programs[0]?.argv).toHaveLength(256);
  expect(long?.programs[0]?.argv[0]).toHaveLength(4_096);
});

test('a file in a folder that was never seen before has the end of a path, and says so', () => {
  const unlink = [
    call(263, 100, 7, { a0: '5', key: '"write"' }),
    'CWD cwd="/work/job"',
    'PATH item=0 name="/work/job" inode=9 dev=fe:00 nametype=PARENT',
    'PATH item=1 name="f" inode=10 dev=fe:00 nametype=DELETE',
  ];
  expect(of(stream(execute(100, 7, '/bin/rm'), unlink)).files).toMatchObject([
    { path: 'f', resolved: false, changes: ['removed'] },
  ]);
});

test('a million of anything is counted, and fills no list', () => {
  const connects = Array.from({ length: 1_500 }, (_, n) => [
    call(42, 100, 7, { success: 'no', exit: -101 }),
    `SOCKADDR saddr=0200${(n + 1).toString(16).padStart(4, '0')}C6336407`,
  ]);
  const report = of(stream(execute(100, 7, '/bin/scan'), ...connects, ...connects));
  expect(report.connections).toHaveLength(1_000);
  expect(report.connections[0]?.times).toBe(2);
  expect(report.left_out.connections).toBe(1_000);
  expect(report.counts.connections_tried).toBe(3_000);
});

test('a fork bomb is read in time, and cut', () => {
  const chain = Array.from({ length: 20_000 }, (_, n) => fork(100 + n, 99 + n, 101 + n));
  const started = performance.now();
  const report = of(stream(...chain));
  expect(report.processes).toHaveLength(5_000);
  expect(report.left_out.processes).toBeGreaterThan(14_000);
  expect(performance.now() - started).toBeLessThan(5_000);
});

describe('whatever the stream holds', () => {
  const lines = habits.toString('latin1').split('\n');
  const mangled = fc
    .array(fc.tuple(fc.nat(lines.length - 1), fc.nat(200), fc.string({ unit: 'binary', maxLength: 12 })), {
      maxLength: 30,
    })
    .map((edits) => {
      const copy = [...lines];
      for (const [line, column, text] of edits)
        copy[line] = `${copy[line]?.slice(0, column) ?? ''}${text}${copy[line]?.slice(column + 3) ?? ''}`;
      return Buffer.from(copy.join('\n'), 'utf8');
    });

  test('a report comes of it that its schema accepts', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), mangled), (audit) => Report.safeParse(of(audit)).success),
      { numRuns: 60 },
    );
  });

  test('a stream that was cut anywhere gives a part of the whole', () => {
    const whole = of(habits);
    fc.assert(
      fc.property(fc.nat(habits.length), (end) => {
        const part = of(habits.subarray(0, end));
        expect(part.audit.malformed).toBeLessThanOrEqual(1);
        expect(part.processes.length).toBeLessThanOrEqual(whole.processes.length);
      }),
      { numRuns: 40 },
    );
  });
});

test('how scripts ended is taken over, their output as size and digest', () => {
  const output = { encoding: 'utf8', data: 'hello', bytes: 5, sha256: 'a'.repeat(64), truncated: false } as const;
  const ended = {
    exit_code: 0,
    signal: null,
    timed_out: false,
    out_of_memory: false,
    duration_ms: 12,
    first_output_ms: 3,
    pid: 173,
  };
  const scripts = [
    { requestId: 2, sha256: 'b'.repeat(64), result: { ...ended, stdout: output, stderr: { ...output, data: '' } } },
  ];
  const report = buildReport({ runId: '0123456789ab', audit: new Uint8Array(), scripts });
  expect(Report.parse(report).scripts).toMatchObject([
    { request_id: 2, ...ended, stdout: { bytes: 5, truncated: false } },
  ]);
  expect(JSON.stringify(report)).not.toContain('hello');
});

test('records of one event without end are not kept, and counted as none of the kernel’s', () => {
  const lines = 200_000;
  const audit = Buffer.from('type=PATH msg=audit(1.000:1): item=0 name="x"\n'.repeat(lines));
  const { malformed, lines: read } = buildReport({ runId: '0123456789ab', audit, scripts: [] }).audit;
  expect([read, malformed]).toEqual([lines, lines - 1_024]);
});

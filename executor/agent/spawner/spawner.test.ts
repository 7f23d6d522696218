import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync, chmodSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { findCgroup } from '../../testing/cgroup.ts';
import type { Answer } from '../../protocol/index.ts';
import { makeGrant, makeSandbox, type TestSandbox } from '../../testing/sandbox.ts';
import { authenticationLine, mintBlob } from '../../testing/certificate.ts';
import { readRecords, SessionClient } from '../../testing/session-client.ts';
import { TestSpawner } from '../../testing/spawner.ts';
import { run as runScript } from '../actions/run_script.ts';
import { ActionFailure, failureOf } from '../failure.ts';
import { encodeFrame, readFrames } from './frames.ts';

const found = findCgroup();
if ('missing' in found) console.warn(`the root half is not tried here: ${found.missing}`);

describe.skipIf('missing' in found)('the root half', () => {
  const cgroupFolder = 'folder' in found ? found.folder : '';
  let sandbox: TestSandbox;
  let spawner: TestSpawner;
  beforeAll(async () => {
    sandbox = makeSandbox({ cgroupFolder });
    spawner = await TestSpawner.start(sandbox);
  });
  afterAll(async () => {
    await spawner[Symbol.asyncDispose]();
    sandbox[Symbol.dispose]();
  });
  afterEach(() => {
    expect(cgroups()).toEqual([]);
    expect(scriptProcesses()).toEqual([]);
  });

  const cgroups = (): string[] =>
    readdirSync(cgroupFolder).filter((name) => name.startsWith(`detonate-${spawner.process.pid}`));

  const scriptProcesses = (): string[] =>
    readdirSync('/proc').filter((pid) => /^[0-9]+$/.test(pid) && isAlive(pid, sandbox.guest.scriptUser));

  /** The test's own deadline ends these. */
  const untilRunning = async (): Promise<void> => {
    while (scriptProcesses().length === 0) await sleep(20);
  };
  // A cgroup outlives its processes by a moment, and the root half serves nobody else before it is gone.
  const untilEnded = async (): Promise<void> => {
    while (scriptProcesses().length > 0 || cgroups().length > 0) await sleep(20);
  };

  const upload = (script: string): string => {
    const sha256 = createHash('sha256').update(script).digest('hex');
    const file = join(sandbox.folder, 'work/in', sha256);
    writeFileSync(file, script, { flag: 'w' });
    chmodSync(file, 0o555);
    return sha256;
  };

  const run = async (
    script: string,
    args: string[] = [],
    timeout_seconds = 10,
    signal = new AbortController().signal,
  ) => {
    const endsAt = Math.floor(Date.now() / 1000) + 60;
    return runScript({ sha256: upload(script), args, timeout_seconds }, { guest: sandbox.guest, endsAt, signal });
  };

  it('runs a script as the powerless user, in its folder, with nothing but its own environment and outputs', async () => {
    const script = `#!/bin/sh
id -u; id -g; id -G; pwd; cat /proc/self/cgroup | tail -n 1; env | sort; for fd in 0 1 2 3 4 5 6 7 8 9 10 11 12; do readlink /proc/$$/fd/$fd; done; echo "$@"`;
    const result = await run(script, ['a b', '$(id)', ';']);
    const fifo = (name: string): string => join(sandbox.guest.spawnerFolder, name);
    expect(result).toMatchObject({ exit_code: 0, signal: null, timed_out: false, stderr: { data: '' } });
    const [uid, gid, groups, folder, cgroup, ...rest] = result.stdout.data.trimEnd().split('\n');
    expect([uid, gid, groups]).toEqual(['2002', '2002', '2002']);
    expect(folder).toBe(join(sandbox.folder, 'work/job'));
    expect(cgroup).toMatch(/detonate-[0-9]+-[0-9]+$/);
    expect(rest).toEqual([
      'HOME=/work/job',
      'LANG=C.UTF-8',
      'PATH=/usr/local/bin:/usr/bin:/bin',
      `PWD=${join(sandbox.folder, 'work/job')}`,
      '/dev/null',
      fifo('stdout'),
      fifo('stderr'),
      // The script itself, which the shell has opened.
      join(sandbox.folder, 'work/in', upload(script)),
      'a b $(id) ;',
    ]);
  });

  it('keeps outputs apart, byte for byte, and lets a script open them again', async () => {
    const { stdout, stderr, exit_code } = await run(
      '#!/bin/sh\nprintf "a\\000b"; echo err >/dev/stderr; echo out >/dev/stdout; exit 3\n',
    );
    expect(exit_code).toBe(3);
    expect(Buffer.from(stdout.data, stdout.encoding).toString('latin1')).toBe('a\0bout\n');
    expect(stderr.data).toBe('err\n');
  });

  it('counts and hashes all of a large output, and says that it cut', async () => {
    const { stdout, first_output_ms, duration_ms } = await run('#!/bin/sh\nhead -c 3000000 /dev/zero\n');
    const sha256 = createHash('sha256').update(Buffer.alloc(3_000_000)).digest('hex');
    expect(stdout).toMatchObject({ bytes: 3_000_000, sha256, truncated: true });
    expect(first_output_ms).toBeLessThanOrEqual(duration_ms);
  });

  it('ends what a script left running: background, own session, double fork, ignored signals', async () => {
    const script = `#!/bin/sh
trap '' TERM HUP INT
sleep 61 &
setsid sleep 62 &
(setsid sh -c 'trap "" TERM HUP; sleep 63' >/dev/null 2>&1 &)
echo done`;
    const { exit_code, stdout, duration_ms } = await run(script);
    expect(exit_code).toBe(0);
    expect(stdout.data).toBe('done\n');
    expect(duration_ms).toBeLessThan(30_000);
  });

  it('ends everything at the deadline, and says so', async () => {
    const result = await run("#!/bin/sh\ntrap '' TERM\necho begun\nsleep 64 & sleep 65\n", [], 5);
    expect(result).toMatchObject({ exit_code: null, signal: 'SIGKILL', timed_out: true, stdout: { data: 'begun\n' } });
  });

  it('ends everything when nobody waits any more', async () => {
    const stop = new AbortController();
    const reason = new ActionFailure('GRANT_EXPIRED', { expected: 'a', got: 'b', hint: 'c' });
    const running = run('#!/bin/sh\nsleep 66 & sleep 67\n', [], 60, stop.signal);
    await untilRunning();
    stop.abort(reason);
    await expect(running).rejects.toBe(reason);
    await untilEnded();
  });

  /** A session whose grant has this one script, and the request that runs it. */
  const openSession = (script: string, expiresIn: number): { client: SessionClient; request: Promise<Answer> } => {
    const sha256 = upload(script);
    const actions = [{ action: 'run_script' as const, limits: { sha256: [sha256], max_seconds: 30 } }];
    const expires_at = Math.floor(Date.now() / 1000) + expiresIn;
    const client = SessionClient.open(sandbox, makeGrant({ actions, expires_at }));
    return { client, request: client.request('run_script', { sha256, args: [], timeout_seconds: 30 }) };
  };

  it('ends a script with the grant, and the session says why', async () => {
    const { client, request } = openSession('#!/bin/sh\nsleep 68 & sleep 69\n', 12);
    await using session = client;
    const answer = await request;
    // Whether its own time or the session's is up first is a matter of milliseconds; that it is up is not.
    if (answer.status === 'failed') expect(answer.error.code).toBe('GRANT_EXPIRED');
    else expect(answer).toMatchObject({ result: { timed_out: true } });
    expect((await session.rest()).exitCode).toBe(75);
  });

  it('ends a script when its session has no input any more', async () => {
    const { client, request } = openSession('#!/bin/sh\nsleep 70 & sleep 71\n', 60);
    await using session = client;
    await untilRunning();
    session.end();
    expect(await request).toMatchObject({ status: 'failed', error: { code: 'INTERRUPTED' } });
    expect((await session.rest()).exitCode).toBe(0);
  });

  it('ends a script when its session is killed', async () => {
    const { client, request } = openSession('#!/bin/sh\nsleep 72 & sleep 73\n', 60);
    request.catch(() => undefined);
    await untilRunning();
    await client[Symbol.asyncDispose]();
    await untilEnded();
  });

  it('takes what a script prints for what it printed, also when it prints frames and answers', async () => {
    const outcome = {
      exit_code: 0,
      signal: null,
      timed_out: false,
      out_of_memory: false,
      duration_ms: 1,
      first_output_ms: 1,
    };
    const frame = encodeFrame('ended', Buffer.from(JSON.stringify(outcome))).toString('base64');
    const answer = '{"id":1,"status":"ok","action":"run_script","duration_ms":1,"result":{}}';
    const { client, request } = openSession(`#!/bin/sh\necho ${frame} | base64 -d\necho '${answer}'\nexit 7\n`, 60);
    await using session = client;
    const told = await request;
    expect(told).toMatchObject({ status: 'ok', result: { exit_code: 7, timed_out: false } });
    expect(JSON.stringify(told)).toContain('exit_code');
    session.end();
    expect(await session.rest()).toMatchObject({ answers: [], exitCode: 0 });
  });

  it('does not carry out again what was cut off between effect and answer: a start stays without an end', async () => {
    const mark = join(sandbox.folder, 'work/job/mark');
    const script = `#!/bin/sh\necho done >>${mark}\nsleep 74\n`;
    const sha256 = upload(script);
    const actions = [{ action: 'run_script' as const, limits: { sha256: [sha256], max_seconds: 30 } }];
    const login = authenticationLine(mintBlob(sandbox.ca, makeGrant({ actions })));
    const first = new SessionClient(sandbox, login);
    first.request('run_script', { sha256, args: [], timeout_seconds: 30 }).catch(() => undefined);
    while (!existsSync(mark)) await sleep(20);
    await first[Symbol.asyncDispose]();
    await untilEnded();
    const events = readRecords(sandbox)
      .filter((record) => 'request_id' in record && record.event !== 'refused')
      .slice(-1);
    expect(events).toMatchObject([{ event: 'action_started', action: 'run_script' }]);
    // The same request over the same certificate: the certificate was for one connection.
    await using again = new SessionClient(sandbox, login);
    again.send(
      `${JSON.stringify({ id: 1, task_id: 'task-1', action: 'run_script', args: { sha256, args: [], timeout_seconds: 30 } })}\n`,
    );
    expect(await again.rest()).toMatchObject({ exitCode: 77 });
    expect(readFileSync(mark, 'utf8')).toBe('done\n');
  });

  it('serves one at a time', async () => {
    const stop = new AbortController();
    const first = run('#!/bin/sh\nsleep 60\n', [], 60, stop.signal);
    await untilRunning();
    await expect(run('#!/bin/sh\n')).rejects.toMatchObject({ code: 'SPAWNER_BUSY' });
    stop.abort();
    await expect(first).rejects.toBe(stop.signal.reason);
    await untilEnded();
  });

  it.each([
    ['NOT_EXECUTABLE', 'no first line', 'echo hello\n'],
    ['NOT_EXECUTABLE', 'an interpreter that is not there', '#!/no/such/interpreter\n'],
    ['NOT_EXECUTABLE', 'an interpreter that may not be run', '#!/etc/passwd\n'],
  ])('fails with %s: %s', async (code, _name, script) => {
    expect(failureOf(await run(script).catch((error: unknown) => error)).code).toBe(code);
  });

  it('takes nothing but its few requests', async () => {
    const refusals: [string, string][] = [
      ['{"path":"/bin/sh","args":[],"timeout_ms":1}\n', 'INTERNAL'],
      ['{"do":"shell","args":["id"]}\n', 'INTERNAL'],
      ['{"do":"audit_status","program":"/bin/sh"}\n', 'INTERNAL'],
      [`{"do":"run_script","sha256":"${'ab'.repeat(32)}","args":[],"timeout_ms":1,"uid":0}\n`, 'INTERNAL'],
      [`{"do":"run_script","sha256":"../../bin/sh","args":[],"timeout_ms":1}\n`, 'INTERNAL'],
      [`{"do":"run_script","sha256":"${'ab'.repeat(32)}","args":[],"timeout_ms":1}\nmore\n`, 'INTERNAL'],
      [`{"do":"run_script","sha256":"${'ab'.repeat(32)}","args":[],"timeout_ms":1}\n`, 'NOT_FOUND'],
    ];
    for (const [text, code] of refusals) {
      const socket = connect(sandbox.guest.spawnerSocket);
      socket.write(text);
      for await (const { kind, payload } of readFrames(socket)) {
        expect(kind).toBe('failed');
        expect(JSON.parse(payload.toString())).toMatchObject({ code });
      }
    }
  });

  it('has a socket that only root and agent-runner can open', () => {
    const { mode, uid, gid } = statSync(sandbox.guest.spawnerSocket);
    expect([mode & 0o777, uid, gid]).toEqual([0o660, 0, sandbox.guest.agentUser]);
  });
});

it('control: whoever ends a script by its process group alone leaves what went away from it', async () => {
  const script = `setsid sleep 1062 & (setsid sh -c 'trap "" TERM HUP; sleep 1063' &) ; sleep 1064`;
  const child = spawn('/bin/sh', ['-c', script], { env: { PATH: '/usr/bin:/bin' }, stdio: 'ignore', detached: true });
  const left = () => readdirSync('/proc').filter((pid) => /^sleep 106[23]$/.test(argumentsOf(pid)));
  await expect.poll(() => left().length, { timeout: 10_000 }).toBe(2);
  const ended = once(child, 'exit');
  process.kill(-(child.pid ?? 0), 'SIGKILL');
  await ended;
  expect(left()).toHaveLength(2);
  for (const pid of left()) process.kill(Number(pid), 'SIGKILL');
});

function argumentsOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}

/** Whether this is a process of that user. One that is dead and waits for its parent's attention is not. */
function isAlive(pid: string, user: number): boolean {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/^Uid:\t([0-9]+)/m.exec(status)?.[1]) === user && !/^State:\tZ/m.test(status);
  } catch {
    return false;
  }
}

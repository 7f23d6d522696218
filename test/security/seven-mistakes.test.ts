import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Session } from '../../orchestrator/relay/index.ts';
import { memorySigner, RUN_ID, TASK_ID } from '../support/login.ts';
import { HOST, openSsh, type OpenSsh } from '../support/ssh/openssh.ts';
import { HEALTH, minted, open } from '../support/ssh/relay-side.ts';
import { mintFor, startTarget, type Target } from '../support/ssh/target.ts';

/*
 * The mistakes "you should only make once", each by the name the article gives it (section 10), and the one its section on multiplexing ends with,
 * tried on the running system: the image's sshd and executor in a real VM.
 */
let target: Target;
let ssh: OpenSsh;

beforeAll(async () => {
  target = await startTarget();
  ssh = await openSsh(target);
});
afterAll(async () => {
  await ssh[Symbol.asyncDispose]();
  await target[Symbol.asyncDispose]();
});

const LONG_MS = 120_000;

/** A login of the product, to a machine that is pinned by this host key. */
async function login(hostKey = target.guest.hostKey): Promise<Session> {
  return open({ ...target, guest: { ...target.guest, hostKey } }, await minted(target));
}

describe('the mistake of', { timeout: 400_000 }, () => {
  test('placing "what can be executed" on the brain side: whatever the brain asks, the sandbox goes by what was signed', async () => {
    const session = await login();
    const asked = [
      { ...HEALTH, id: 1, action: 'list_processes' },
      { ...HEALTH, id: 2, action: 'exec', args: { command: 'id' } },
      { ...HEALTH, id: 3, args: { grant: 'all' } },
      { ...HEALTH, id: 4, task_id: 'another-task' },
    ];
    const codes = [];
    for (const request of asked) {
      const answer = await session.request(request as never, { timeoutMs: LONG_MS });
      codes.push(answer.status === 'refused' && answer.error.code);
    }
    expect(codes).toEqual(['ACTION_NOT_GRANTED', 'UNKNOWN_ACTION', 'REQUEST_INVALID', 'WRONG_TASK']);
    await session.close();
  });

  test('permitting interactive shells: there is none to be had, with a terminal, a command or neither', async () => {
    for (const args of [
      ['-tt', HOST],
      [HOST, '/bin/sh -i'],
      [HOST, "sh -c 'echo $((6*7))'"],
    ]) {
      const certificate = await mintFor(target, ssh.publicKey);
      const { stdout, stderr } = await ssh.run(certificate, args, {
        input: 'echo $((6*7))\n',
        timeoutMs: LONG_MS,
      });
      expect(`${stdout}${stderr}`).toMatch(/LINE_MALFORMED|PTY allocation request failed/);
      expect(stdout).not.toMatch(/^42/m);
    }
  });

  test('utilizing permanent private keys: a key without a certificate opens nothing, wherever it was put', async () => {
    const planted = 'mkdir -p /run/home/.ssh && cat >/run/home/.ssh/authorized_keys && chown -R agent-runner /run/home';
    const home =
      "sed 's,^\\(agent-runner:.*\\)::/:,\\1::/run/home:,' /etc/passwd >/run/passwd && mount --bind /run/passwd /etc/passwd";
    const { code } = await target.guest.root.run(`echo '${ssh.publicKey}' | (${planted}) && ${home}`);
    expect(code).toBe(0);
    const { code: refused, stderr } = await ssh.run('', [HOST, 'x'], { timeoutMs: LONG_MS });
    expect(refused).toBe(255);
    expect(stderr).toContain('Permission denied (publickey)');
    await expect(mintFor(target, ssh.publicKey, { ttlSeconds: 24 * 3600 })).rejects.toMatchObject({ code: 'validity' });
  });

  test('bypassing known_hosts verification: another machine is shown nothing', async () => {
    const before = (await target.sshdLog()).length;
    await expect(login(memorySigner().publicKeyLine)).rejects.toMatchObject({
      code: 'host_key_mismatch',
      retryable: false,
    });
    expect((await target.sshdLog()).slice(before)).not.toMatch(/Accepted|ED25519-CERT/);
  });

  test('enabling unrestricted dynamic forwarding: nothing is reachable through it, neither inside nor beyond', async () => {
    for (const destination of ['127.0.0.1:22', '10.0.2.2:22', '198.51.100.7:80']) {
      const certificate = await mintFor(target, ssh.publicKey);
      const { code, stdout, stderr } = await ssh.run(certificate, ['-W', destination, HOST], { timeoutMs: LONG_MS });
      expect({ code, stdout, stderr }).toMatchObject({
        code: 255,
        stdout: '',
        stderr: expect.stringContaining('prohibited') as string,
      });
    }
    await expect.poll(target.sshdLog).toMatch(/refused local port forward.*target 198\.51\.100\.7 port 80/);
  });

  test('missing task-level auditing: who asked, why, and what was done is in the records of each side', async () => {
    const session = await login();
    await session.request(HEALTH, { timeoutMs: LONG_MS });
    await session.close();
    const records = (await target.executorLog())
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const opened = records.findLast(({ event }) => event === 'session_open');
    expect(opened).toMatchObject({
      run_id: RUN_ID,
      task_id: TASK_ID,
      requester: 'test',
      machine_id: target.guest.machineId,
    });
    const own = records.filter((record) => record['session'] === opened?.['session']);
    expect(own.map(({ event }) => event)).toEqual(['session_open', 'action_started', 'action_ended', 'session_closed']);
    expect(await target.sshdLog()).toContain(
      `Accepted certificate ID "${String(opened?.['key_id'])}" (serial ${String(opened?.['serial'])})`,
    );
  });

  test('handing out a multiplexed connection: whoever holds a master gets one session out of it', async () => {
    const [certificate, control] = [await mintFor(target, ssh.publicKey), join(ssh.folder, 'master')];
    const master = await ssh.start(certificate, ['-M', '-S', control, HOST, 'x']);
    await new Promise((resolve) => {
      master.stdout?.once('data', resolve);
      master.stdin?.write(`${JSON.stringify(HEALTH)}\n`);
    });
    const second = promisify(execFile)('ssh', ['-F', 'none', '-S', control, HOST, 'x'], { timeout: LONG_MS }).catch(
      (error: unknown) => error,
    );
    expect(await second).toMatchObject({
      stderr: expect.stringMatching(/Session open refused|no more sessions|refused/) as string,
    });
  });
});

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Sandbox } from '../../infra/driver.ts';
import { createLocalDriver, type LocalDriver } from '../../infra/index.ts';
import { createRunKey, openCa } from '../../orchestrator/ca/index.ts';
import { openRelay } from '../../orchestrator/relay/index.ts';
import { keepingObserver, makeHome } from '../support/sandbox.ts';

/*
 * What the image promises about a script inside it: one real boot, one script that looks around and tries things, and what the
 * guest's own witness wrote about it. The script prints `name|value` lines.
 */

const RUN = 'ee0000000001';
const LAST = 'the-last-program';

const SCRIPT = `#!/bin/bash
say() { echo "$1|$2"; }
while read -r key value _; do case $key in ''|'#') ;; *) say "sysctl $key" "$(cat /proc/sys/$key)";; esac; done </etc/burnbag/sysctl
say modules_disabled "$(cat /proc/sys/kernel/modules_disabled)"
while read -r _ where kind options _; do say "mount $where" "$kind,$options"; done </proc/mounts
while read -r _ to gateway _; do say route "$to $gateway"; done </proc/net/route
while read -r name value; do case $name in Uid:|CapEff:|CapBnd:|NoNewPrivs:) say "status $name" "$value";; esac; done </proc/self/status
say cores "$(ulimit -c)"
say swaps "$(wc -l </proc/swaps)"
say others "$(stat -c %U /proc/[0-9]* | sort -u | tr '\\n' ' ')"
try() { local name=$1; shift; "$@" >/dev/null 2>&1; say "try $name" $?; }
try 'write below /etc' touch /etc/x
try 'write below /work/in' touch /work/in/x
try 'write a log port' dd if=/dev/null of=/dev/exec
logger forged
try 'the kernel log' dd if=/etc/hostname of=/dev/kmsg
try 'leave its cgroup' tee /sys/fs/cgroup/cgroup.procs <<<$$
try 'read the host key' cat /run/burnbag/host_key
try 'read who is logged in' ls /run/logins
try 'read shadow' cat /etc/shadow
try 'a user namespace' unshare --user true
try 'a mount' mount -t tmpfs none /tmp
try 'a kernel module' insmod /tmp/x.ko
try 'the root half' nc local:/run/burnbag/spawner.sock
try 'an address outside' curl -sS -m 5 http://198.51.100.7/secrets
try 'the relay' nc -w 1 10.0.2.2 22
try 'a program that is not there' /tmp/absent
echo text >written; mkdir folder; mv written folder/moved; rm folder/moved
(:; sleep 0.1)
/bin/echo ${LAST}
`;

let place: Awaited<ReturnType<typeof makeHome>>;
let driver: LocalDriver;
const observer = keepingObserver();
const facts = new Map<string, string[]>();
let audit = '';
let sshd = '';

beforeAll(async () => {
  place = await makeHome();
  driver = createLocalDriver({ home: place.home, installationId: `guest-${process.pid}`, engine: 'embedded' });
  const ca = await openCa({ home: place.home });
  const profile = { memoryMiB: 512, cpus: 1, scratchMiB: 64 };
  const request = { runId: RUN, caPublicKey: ca.publicKeyLine, profile, lifetimeSeconds: 170, tunnels: [] };
  const sandbox = await driver.provision(request, observer, AbortSignal.timeout(100_000));
  for (const line of (await detonate(sandbox, ca)).split('\n')) {
    const [name = '', value = ''] = line.split(/\|(.*)/s);
    facts.set(name, [...(facts.get(name) ?? []), value]);
  }
  audit = await waitForAudit(sandbox.streams.audit ?? '');
  sshd = await readFile(sandbox.streams.sshd ?? '', 'utf8');
});
afterAll(async () => {
  await driver.destroy(RUN, observer.ids, () => undefined);
  await place[Symbol.asyncDispose]();
});

async function detonate(sandbox: Sandbox, ca: Awaited<ReturnType<typeof openCa>>): Promise<string> {
  const sha256 = createHash('sha256').update(SCRIPT).digest('hex');
  const key = createRunKey();
  const [task_id, ttlSeconds] = ['look-around', 150];
  const certificate = await ca.mint({
    grant: {
      ...{ version: 1, task_id, run_id: RUN, requester: 'test', machine_id: sandbox.machineId },
      actions: [
        { action: 'put_file', limits: { paths: ['/work/in/'], max_bytes: SCRIPT.length } },
        { action: 'run_script', limits: { sha256: [sha256], max_seconds: 60 } },
      ],
      expires_at: Math.floor(Date.now() / 1000) + ttlSeconds,
      policy_sha256: '0'.repeat(64),
    },
    ...{ runId: RUN, taskId: task_id, machineId: sandbox.machineId, publicKey: key.publicKeyLine },
    ...{ sourceAddress: sandbox.relaySourceAddress, ttlSeconds, now: new Date() },
  });
  const { address, hostKey } = sandbox;
  const login = { address, hostKey, privateKey: key.privateKey, certificate: certificate.certificateLine };
  const session = await openRelay(login);
  const put = { path: `/work/in/${sha256}`, content_base64: Buffer.from(SCRIPT).toString('base64'), sha256 };
  await session.request({ id: 1, task_id, action: 'put_file', args: put }, { timeoutMs: 60_000 });
  const run = { sha256, args: [], timeout_seconds: 60 };
  const answer = await session.request({ id: 2, task_id, action: 'run_script', args: run }, { timeoutMs: 70_000 });
  await session.close();
  if (answer.status !== 'ok' || answer.action !== 'run_script') throw new Error(JSON.stringify(answer));
  return answer.result.stdout.data;
}

async function waitForAudit(path: string): Promise<string> {
  const deadline = performance.now() + 10_000;
  while (performance.now() < deadline) {
    const text = await readFile(path, 'utf8');
    if (text.includes(LAST)) return text;
    await sleep(50);
  }
  throw new Error('expected the audit stream to reach the last program, it did not');
}

const fact = (name: string): string => facts.get(name)?.[0] ?? 'not said';

describe('a script in the guest', () => {
  test('runs as a user without any power', () => {
    expect(fact('status Uid:')).toMatch(/^2002\s+2002\s+2002\s+2002$/);
    expect(fact('status CapEff:')).toMatch(/^0+$/);
    expect(fact('status NoNewPrivs:')).toBe('1');
    expect([fact('cores'), fact('swaps'), fact('modules_disabled')]).toEqual(['0', '1', '1']);
  });

  test('meets a kernel with every setting of the list', async () => {
    const file = join(import.meta.dirname, '../../images/guest/etc/burnbag/sysctl');
    const rows = (await readFile(file, 'utf8')).split('\n').filter((line) => /^\w/.test(line));
    expect(rows.length).toBeGreaterThan(10);
    for (const [key = '', value] of rows.map((row) => row.split(/\s+/))) {
      expect([key, fact(`sysctl ${key}`)]).toEqual([key, value]);
    }
  });

  test('finds nothing to write to but memory and the scratch disk, and no device or set-uid program on them', () => {
    expect(fact('mount /')).toMatch(/^squashfs,ro/);
    expect(fact('mount /proc')).toMatch(/nosuid,nodev,noexec.*hidepid=invisible/);
    expect(fact('mount /work')).toMatch(/^ext4,rw,nosuid,nodev/);
    for (const where of ['/run', '/tmp', '/dev/shm', '/sys']) expect(fact(`mount ${where}`)).toContain('nosuid,nodev');
  });

  test('sees no process of anybody else', () => {
    expect(fact('others').trim()).toBe('detonate');
  });

  test('has no route beyond its own network', () => {
    const routes = (facts.get('route') ?? []).filter(
      (route) => /^[0-9A-F]/.test(route) && route !== 'Destination Gateway',
    );
    expect(routes).toEqual(['0002000A 00000000']);
  });

  test('fails at everything it is not meant to do', () => {
    const tried = [...facts].filter(([name]) => name.startsWith('try '));
    expect(tried).toHaveLength(15);
    expect(tried.filter(([, [status]]) => status === '0')).toEqual([]);
  });
});

test("cannot write into sshd's log", () => {
  expect(sshd).toContain('Accepted certificate ID "run=');
  expect(sshd).not.toContain('forged');
});

describe("the guest's witness", () => {
  const records = (key: string): string[] => audit.split('\n').filter((line) => line.includes(`key="${key}"`));

  test('wrote down every program with its arguments, and the one that was not there', () => {
    expect(audit).toMatch(/type=EXECVE .*a0="curl" .*a4="http:\/\/198\.51\.100\.7\/secrets"/);
    expect(records('exec').some((line) => line.includes('success=no exit=-2') && line.includes('uid=2002'))).toBe(true);
  });

  test('wrote down the connection that was tried, where to, and that there was no way', () => {
    // family 2, port 80, 198.51.100.7; ENETUNREACH
    expect(audit).toContain('saddr=02000050C6336407');
    expect(records('net').some((line) => line.includes('success=no exit=-101'))).toBe(true);
  });

  test('wrote down files made, renamed and removed, below which folder, and refused attempts', () => {
    expect(audit).toMatch(/type=PATH .*name="written" .*nametype=CREATE/);
    expect(audit).toMatch(/type=PATH .*name="folder\/moved" .*nametype=DELETE/);
    expect(audit).toContain('cwd="/work/job"');
    expect(records('write').some((line) => /success=no exit=-(13|30)/.test(line))).toBe(true);
    expect(records('denied').some((line) => line.includes('comm="cat"'))).toBe(true);
  });

  test('wrote down who is whose child where no program was started', () => {
    expect(records('fork').length).toBeGreaterThan(5);
  });

  test('had locked its rules before', () => {
    expect(audit).toMatch(/op=set audit_enabled=2 .*res=1/);
  });
});

import { createHash } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { INPUT_FOLDER, type ActionRequest, type Answer } from '../../executor/protocol/index.ts';
import { createLocalDriver, type LocalDriver } from '../../infra/index.ts';
import { createRunKey, openCa } from '../../orchestrator/ca/index.ts';
import { openRelay, type Session } from '../../orchestrator/relay/index.ts';
import { keepingObserver, makeHome } from '../support/sandbox.ts';

/*
 * The executor in the real image, on one machine: children that do not want to end, a script that prints what the executor would, SQL that
 * wants out, services that are restarted. Requests go one after the other over one session, as a run's do.
 */
vi.setConfig({ testTimeout: 150_000, hookTimeout: 200_000 });
const RUN = 'ee0000000002';
const TASK = 'attack';

/** Prints answers and frames as the executor's own halves would, tries its other modes, and leaves children in every way there is. */
const SCRIPT = `#!/bin/bash
echo '{"id":1,"status":"ok","action":"put_file","duration_ms":1,"result":{"path":"/work/in/x","bytes":1,"sha256":"${'0'.repeat(64)}"}}'
echo '{"id":3,"status":"ok","action":"check_health","duration_ms":1,"result":{}}'
printf '\\004\\000\\000\\000\\002{}'
echo
/usr/local/bin/agent-exec spawner; echo "spawner $?"
/usr/local/bin/agent-exec migrate ${'a'.repeat(64)} ${'b'.repeat(64)} false; echo "migrate $?"
/usr/local/bin/agent-exec; echo "session $?"
/usr/lib/burnbag/start syslogd; echo "start $?"
trap '' TERM HUP INT
sleep 301 &
setsid sleep 302 &
(setsid bash -c 'trap "" TERM HUP; exec -a auditd sleep 303' >/dev/null 2>&1 &)
exec 9<"$0"; (sleep 304 &)
exit 7
`;
const ENDLESS = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT count(*) FROM n;';
const ATTACH = "ATTACH '/run/burnbag/host_key' AS k; CREATE TABLE stolen AS SELECT * FROM k.sqlite_schema;";
const GOOD = "BEGIN; INSERT INTO a(x) VALUES ('new'); PRAGMA user_version = 2; COMMIT;";

const sha256Of = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex');
const DATABASE = ((): Buffer => {
  using database = new DatabaseSync(':memory:');
  database.exec("PRAGMA page_size = 512; CREATE TABLE a(x); INSERT INTO a VALUES ('old')");
  return Buffer.from(database.serialize());
})();

let place: Awaited<ReturnType<typeof makeHome>>;
let driver: LocalDriver;
let session: Session;
let streams: { readonly audit?: string; readonly executor?: string };
const observer = keepingObserver();
let id = 0;

beforeAll(async () => {
  place = await makeHome();
  driver = createLocalDriver({ home: place.home, installationId: `executor-${process.pid}`, engine: 'embedded' });
  const ca = await openCa({ home: place.home });
  const profile = { memoryMiB: 512, cpus: 1, scratchMiB: 256 };
  const request = { runId: RUN, caPublicKey: ca.publicKeyLine, profile, lifetimeSeconds: 500, tunnels: [] };
  const sandbox = await driver.provision(request, observer, AbortSignal.timeout(150_000));
  streams = sandbox.streams;
  const uploads = [SCRIPT, ENDLESS, ATTACH, GOOD, DATABASE];
  const [key, ttlSeconds] = [createRunKey(), 450];
  const { certificateLine } = await ca.mint({
    grant: {
      ...{ version: 1, task_id: TASK, run_id: RUN, requester: 'test', machine_id: sandbox.machineId },
      actions: [
        { action: 'put_file', limits: { paths: [INPUT_FOLDER], max_bytes: 4096 } },
        { action: 'run_script', limits: { sha256: [sha256Of(SCRIPT)], max_seconds: 60 } },
        { action: 'run_migration', limits: { sha256: uploads.slice(1).map(sha256Of), max_seconds: 60 } },
        { action: 'restart_service', limits: { units: ['auditd'] } },
        { action: 'inspect_file', limits: { paths: ['/work/'], max_bytes: 65_536 } },
        { action: 'list_files', limits: { paths: ['/work/'] } },
        { action: 'check_health', limits: {} },
        { action: 'list_processes', limits: {} },
        { action: 'list_sockets', limits: {} },
      ],
      expires_at: Math.floor(Date.now() / 1000) + ttlSeconds,
      policy_sha256: '0'.repeat(64),
    },
    ...{ runId: RUN, taskId: TASK, machineId: sandbox.machineId, publicKey: key.publicKeyLine },
    ...{ sourceAddress: sandbox.relaySourceAddress, ttlSeconds, now: new Date() },
  });
  const { address, hostKey } = sandbox;
  session = await openRelay({ address, hostKey, privateKey: key.privateKey, certificate: certificateLine });
  for (const content of uploads) {
    const [path, bytes] = [`${INPUT_FOLDER}${sha256Of(content)}`, Buffer.from(content)];
    await ask({
      action: 'put_file',
      args: { path, content_base64: bytes.toString('base64'), sha256: sha256Of(content) },
    });
  }
});
afterAll(async () => {
  await session.close();
  await driver.destroy(RUN, observer.ids, () => undefined);
  await place[Symbol.asyncDispose]();
});

type Asked = ActionRequest extends infer Each ? (Each extends unknown ? Omit<Each, 'id' | 'task_id'> : never) : never;
function ask(asked: Asked): Promise<Answer> {
  return session.request({ ...asked, id: ++id, task_id: TASK }, { timeoutMs: 120_000 });
}
async function resultOf<Name extends Asked['action']>(asked: Extract<Asked, { action: Name }>) {
  const answer = await ask(asked);
  if (answer.status !== 'ok' || answer.action !== asked.action) throw new Error(JSON.stringify(answer));
  return answer.result as Extract<Answer, { status: 'ok'; action: Name }>['result'];
}
const migrate = (migration: string, changed = {}): Asked => ({
  action: 'run_migration',
  args: {
    database_sha256: sha256Of(DATABASE),
    migration_sha256: sha256Of(migration),
    dry_run: false,
    timeout_seconds: 60,
    ...changed,
  },
});
const ofScript = async (): Promise<unknown[]> =>
  (await resultOf<'list_processes'>({ action: 'list_processes', args: {} })).entries.filter(({ uid }) => uid === 2002);

describe('a script', () => {
  test('that prints perfect answers and frames is told as what it printed, and how it really ended', async () => {
    const result = await resultOf<'run_script'>({
      action: 'run_script',
      args: { sha256: sha256Of(SCRIPT), args: [], timeout_seconds: 60 },
    });
    expect(result).toMatchObject({ exit_code: 7, signal: null, timed_out: false });
    const said = Buffer.from(result.stdout.data, result.stdout.encoding).toString('latin1');
    expect(said).toContain('"action":"check_health"');
    // The executable's other modes gain it nothing: not by name, not by arguments, not by what root's half starts.
    expect(said).toMatch(/spawner 64\nmigrate 1\nsession 64\nstart [1-9]/);
  });

  test('leaves no child, however it was put away', async () => {
    expect(await ofScript()).toEqual([]);
  });
});

describe('a migration', () => {
  test('that wants another file is rejected, and nothing is left of it', async () => {
    const result = await resultOf<'run_migration'>(migrate(ATTACH) as never);
    expect(result).toMatchObject({ outcome: 'rejected', database: null, after: null });
    expect(result.error).toMatch(/not authorized|too many attached/);
    const { entries } = await resultOf<'list_files'>({
      action: 'list_files',
      args: { path: '/work/job', max_entries: 100 },
    });
    expect(entries.filter(({ path }) => /migrat/.test(path))).toEqual([]);
  });

  test('without end is ended at its deadline', async () => {
    const answer = await ask(migrate(ENDLESS, { timeout_seconds: 8 }));
    expect(answer).toMatchObject({ status: 'failed', error: { code: 'MIGRATION_FAILED', got: 'its deadline' } });
    expect(await ofScript()).toEqual([]);
  });

  test('that is good is applied to a copy, after a backup that only the executor can write', async () => {
    const result = await resultOf<'run_migration'>(migrate(GOOD) as never);
    expect(result).toMatchObject({
      outcome: 'applied',
      changes: 1,
      before: { user_version: 0 },
      after: { user_version: 2 },
    });
    expect(result.backup).toMatchObject({ sha256: sha256Of(DATABASE), bytes: DATABASE.length });
    const inspect = (path: string) =>
      resultOf<'inspect_file'>({
        action: 'inspect_file',
        args: { path, max_bytes: 65_536, max_strings: 0, min_chars: 4 },
      });
    expect(await inspect(result.backup?.path ?? '')).toMatchObject({ type: 'sqlite', uid: 2000, mode: '0555' });
    expect(await inspect(result.database?.path ?? '')).toMatchObject({ uid: 2002, sha256: result.database?.sha256 });
  });

  test('a second time is refused: nothing that was made is replaced', async () => {
    expect(await ask(migrate(GOOD))).toMatchObject({ status: 'failed', error: { code: 'ALREADY_EXISTS' } });
  });
});

describe('the machine', () => {
  test('tells its sockets, and its audit by the kernel’s own word, also after auditd was restarted', async () => {
    const { entries } = await resultOf<'list_sockets'>({ action: 'list_sockets', args: {} });
    expect(entries.filter(({ state }) => state === 'LISTEN').map(({ local }) => local)).toEqual(['0.0.0.0:22']);
    const restarted = await resultOf<'restart_service'>({ action: 'restart_service', args: { unit: 'auditd' } });
    expect(restarted.new_pid).not.toBe(restarted.old_pid);
    const { audit, services, time } = await resultOf<'check_health'>({ action: 'check_health', args: {} });
    expect(audit).toMatchObject({ enabled: true, lost: 0, auditd: 'running' });
    expect(services).toEqual({ sshd: 'running', auditd: 'running', syslogd: 'running', spawner: 'running' });
    expect(Math.abs(time.offset_ms ?? Infinity)).toBeLessThan(5_000);
    // The new one writes to the same place.
    await vi.waitFor(() => {
      expect(readFileSync(streams.audit ?? '', 'utf8')).toMatch(new RegExp(`DAEMON_START.* pid=${restarted.new_pid} `));
    }, 20_000);
  });

  test('restarts no service but those of the grant, and none by another name', async () => {
    expect(await ask({ action: 'restart_service', args: { unit: 'syslogd' } })).toMatchObject({
      error: { code: 'ARGUMENT_NOT_GRANTED' },
    });
    expect(await ask({ action: 'restart_service', args: { unit: 'sshd' } })).toMatchObject({
      error: { code: 'ARGUMENT_NOT_GRANTED' },
    });
  });

  test('recorded what was started for each action', () => {
    const log = readFileSync(streams.executor ?? join(place.home, 'missing'), 'utf8');
    expect(log).toContain('"argv":["/usr/lib/burnbag/start","auditd"]');
    expect(log).toContain(
      `"argv":["/usr/local/bin/agent-exec","migrate","${sha256Of(DATABASE)}","${sha256Of(GOOD)}","false"]`,
    );
  });
});

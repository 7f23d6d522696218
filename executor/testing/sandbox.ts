import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Guest } from '../agent/guest.ts';
import type { Grant } from '../protocol/index.ts';
import { makeCa, type TestCa } from './certificate.ts';

/** A folder that looks like a sandbox to the executor. Disposing removes it. */
export interface TestSandbox extends Disposable {
  readonly folder: string;
  readonly guest: Guest;
  readonly ca: TestCa;
  readonly machineId: string;
}

/** Makes a sandbox of folders, with an audit file and no root half. */
export function makeSandbox(changed: Partial<Guest> = {}): TestSandbox {
  const folder = mkdtempSync(join(tmpdir(), 'burnbag-executor-'));
  const run = join(folder, 'run');
  for (const path of ['run', 'run/revoked/serials', 'run/logins', 'work/in', 'work/job', 'tmp', 'etc'])
    mkdirSync(join(folder, path), { recursive: true });
  const ca = makeCa();
  writeFileSync(join(run, 'ca.pub'), ca.line);
  writeFileSync(join(run, 'machine-id'), `${MACHINE_ID}\n`);
  writeFileSync(join(run, 'exec'), '');
  writeFileSync(join(run, 'cmdline'), 'console=ttyS0 quiet\n');
  const guest: Guest = {
    root: folder,
    commandLineFile: join(run, 'cmdline'),
    caFile: join(run, 'ca.pub'),
    machineIdFile: join(run, 'machine-id'),
    revokedFolder: join(run, 'revoked'),
    loginsFolder: join(run, 'logins'),
    auditPort: join(run, 'no-port'),
    auditFile: join(run, 'exec'),
    spawnerSocket: join(run, 'spawner.sock'),
    spawnerStartMs: 0,
    spawnerFolder: join(run, 'spawner'),
    cgroupFolder: '/sys/fs/cgroup',
    agentUser: 0,
    scriptUser: 2002,
    now: () => Date.now(),
    ...changed,
  };
  return {
    folder,
    guest,
    ca,
    machineId: MACHINE_ID,
    [Symbol.dispose]: () => {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export const MACHINE_ID = '3f2b8c1e-6a4d-4f0e-9b7a-5c1d2e3f4a5b';

/** A grant of every action within the catalogue, with the fields that a test wants otherwise. */
export function makeGrant(changed: Partial<Grant> = {}): Grant {
  return {
    version: 1,
    task_id: 'task-1',
    run_id: '0123456789ab',
    requester: 'somebody@example.org',
    machine_id: MACHINE_ID,
    actions: [
      { action: 'put_file', limits: { paths: ['/work/in/'], max_bytes: 4 * 1024 * 1024 } },
      { action: 'list_files', limits: { paths: ['/work/'] } },
      { action: 'get_file', limits: { paths: ['/work/job/'], max_bytes: 1024 * 1024 } },
      { action: 'read_file', limits: { paths: ['/work/job/', '/work/in/note.txt'], max_bytes: 4096 } },
      { action: 'tail_log', limits: { paths: ['/work/job/log'], max_lines: 100 } },
      { action: 'check_health', limits: {} },
      { action: 'list_processes', limits: {} },
    ],
    expires_at: Math.floor(Date.now() / 1000) + 600,
    policy_sha256: 'ab'.repeat(32),
    ...changed,
  };
}

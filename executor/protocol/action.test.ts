import { describe, expect, it } from 'vitest';
import { ACTION_NAMES, ActionRequest } from './action.ts';
import { OkAnswer } from './answer.ts';
import { GrantedAction } from './grant.ts';

const sha256 = 'ab'.repeat(32);
const request = (action: string, args: object, more: object = {}): object => ({
  id: 1,
  task_id: 'task-1',
  action,
  args,
  ...more,
});

describe('ActionRequest', () => {
  it.each([
    request('put_file', { path: '/work/in/a', content_base64: 'YQ==', sha256 }),
    request('run_script', { sha256, args: ['-x', ''], timeout_seconds: 60 }),
    request('run_migration', { database_sha256: sha256, migration_sha256: sha256, dry_run: true, timeout_seconds: 1 }),
    request('restart_service', { unit: 'auditd' }),
    request('inspect_file', { path: '/work/in/a', max_bytes: 1, max_strings: 0, min_chars: 4 }),
    request('list_sockets', {}),
    request('list_files', { path: '/work', max_entries: 1 }),
    request('get_file', { path: '/work/job/a', offset: 0, length: 1 }),
    request('read_file', { path: '/etc/passwd', max_bytes: 1 }),
    request('tail_log', { path: '/var/log/x', lines: 1 }),
    request('check_health', {}),
    request('list_processes', {}),
  ])('takes $action', (value) => {
    expect(ActionRequest.safeParse(value).success).toBe(true);
  });

  it.each<[string, object]>([
    ['an unknown action', request('exec', { argv: ['sh'] })],
    ['an unknown member', request('check_health', {}, { as: 'root' })],
    ['an unknown argument', request('check_health', { verbose: true })],
    ['no arguments', { id: 1, task_id: 'task-1', action: 'check_health' }],
    ['an id of zero', request('check_health', {}, { id: 0 })],
    ['an id that is text', request('check_health', {}, { id: '1' })],
    ['an id that is no safe integer', request('check_health', {}, { id: 2 ** 60 })],
    ['a task id with a newline', request('check_health', {}, { task_id: 'a\nb' })],
    ['an upload outside the input folder', request('put_file', { path: '/work/job/a', content_base64: '', sha256 })],
    ['an upload over the input folder', request('put_file', { path: '/work/in', content_base64: '', sha256 })],
    ['base64 without padding', request('put_file', { path: '/work/in/a', content_base64: 'YQ', sha256 })],
    ['base64url', request('put_file', { path: '/work/in/a', content_base64: '-_-_', sha256 })],
    [
      'a digest in capitals',
      request('put_file', { path: '/work/in/a', content_base64: '', sha256: sha256.toUpperCase() }),
    ],
    ['a path instead of a digest', request('run_script', { sha256: '/bin/sh', args: [], timeout_seconds: 1 })],
    ['an argument with NUL', request('run_script', { sha256, args: ['a\0b'], timeout_seconds: 1 })],
    ['65 arguments', request('run_script', { sha256, args: Array(65).fill('a'), timeout_seconds: 1 })],
    ['no timeout', request('run_script', { sha256, args: [] })],
    ['a timeout of never', request('run_script', { sha256, args: [], timeout_seconds: 0 })],
    [
      'a migration by its path',
      request('run_migration', {
        database_sha256: '/etc/passwd',
        migration_sha256: sha256,
        dry_run: true,
        timeout_seconds: 60,
      }),
    ],
    [
      'a migration that may do as it likes',
      request('run_migration', { database_sha256: sha256, migration_sha256: sha256, timeout_seconds: 60 }),
    ],
    ['a unit that is an option', request('restart_service', { unit: '--help' })],
    ['a unit that is a path', request('restart_service', { unit: '../../bin/sh' })],
    ['a negative offset', request('get_file', { path: '/work/a', offset: -1, length: 1 })],
    ['a fraction of a byte', request('get_file', { path: '/work/a', offset: 0.5, length: 1 })],
  ])('refuses %s', (_name, value) => {
    expect(ActionRequest.safeParse(value).success).toBe(false);
  });

  it('has a schema, a result and a limit for every action', () => {
    for (const union of [ActionRequest, OkAnswer, GrantedAction]) {
      expect([...(union._zod.propValues['action'] ?? [])]).toEqual(ACTION_NAMES);
    }
  });
});

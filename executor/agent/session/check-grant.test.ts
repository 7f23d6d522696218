import { posix } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ActionRequest } from '../../protocol/index.ts';
import { makeGrant } from '../../testing/sandbox.ts';
import { CATALOGUE } from '../catalogue.ts';
import { checkCatalogue } from './check-catalogue.ts';
import { checkGrant } from './check-grant.ts';

const now = 1_000;
const grant = makeGrant({ expires_at: 2_000 });
const base = { id: 1, task_id: 'task-1' } as const;
const sha256 = 'cd'.repeat(32);
const read = (path: string, max_bytes = 1): ActionRequest => ({
  ...base,
  action: 'read_file',
  args: { path, max_bytes },
});

describe('checkGrant', () => {
  it('takes what is granted', () => {
    expect(checkGrant(grant, read('/work/job/a'), now)).toBeUndefined();
    expect(checkGrant(grant, read('/work/in/note.txt', 4096), now)).toBeUndefined();
    expect(checkGrant(grant, { ...base, action: 'check_health', args: {} }, now)).toBeUndefined();
  });

  it.each<[string, ActionRequest, number]>([
    ['WRONG_TASK', { ...read('/work/job/a'), task_id: 'task-2' }, now],
    ['GRANT_EXPIRED', read('/work/job/a'), 2_000],
    ['ACTION_NOT_GRANTED', { ...base, action: 'run_script', args: { sha256, args: [], timeout_seconds: 1 } }, now],
    ['PATH_NOT_GRANTED', read('/etc/shadow'), now],
    ['PATH_NOT_GRANTED', read('/work/jobs/a'), now],
    ['PATH_NOT_GRANTED', read('/work/in/note.txt.old'), now],
    ['ARGUMENT_NOT_GRANTED', read('/work/job/a', 4097), now],
    [
      'ARGUMENT_NOT_GRANTED',
      { ...base, action: 'get_file', args: { path: '/work/job/a', offset: 1024 * 1024, length: 1 } },
      now,
    ],
    ['ARGUMENT_NOT_GRANTED', { ...base, action: 'tail_log', args: { path: '/work/job/log', lines: 101 } }, now],
  ])('refuses with %s', (code, request, at) => {
    expect(checkGrant(grant, request, at)?.code).toBe(code);
  });

  it('refuses a script that is not granted by its digest, and a longer time than granted', () => {
    const scripts = makeGrant({
      expires_at: 2_000,
      actions: [{ action: 'run_script', limits: { sha256: [sha256], max_seconds: 5 } }],
    });
    const run = (digest: string, timeout_seconds: number): ActionRequest => ({
      ...base,
      action: 'run_script',
      args: { sha256: digest, args: [], timeout_seconds },
    });
    expect(checkGrant(scripts, run(sha256, 5), now)).toBeUndefined();
    expect(checkGrant(scripts, run('ef'.repeat(32), 5), now)?.code).toBe('ARGUMENT_NOT_GRANTED');
    expect(checkGrant(scripts, run(sha256, 6), now)?.code).toBe('ARGUMENT_NOT_GRANTED');
  });

  it('never lets a path outside the granted prefixes, whatever the path', () => {
    const piece = fc.constantFrom('work', 'job', 'in', 'note.txt', '..', '.', '', 'etc', '\0', 'x');
    const path = fc.array(piece, { maxLength: 7 }).map((pieces) => `/${pieces.join('/')}`);
    fc.assert(
      fc.property(path, (asked) => {
        if (checkGrant(grant, read(asked), now) !== undefined) return;
        const place = posix.resolve(asked);
        expect(place === '/work/in/note.txt' || `${place}/`.startsWith('/work/job/')).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });
});

describe('checkCatalogue', () => {
  it.each<[string, ActionRequest]>([
    ['a path that no grant can open', read('/proc/1/environ')],
    [
      'the evidence of the machine itself',
      { ...base, action: 'tail_log', args: { path: '/run/burnbag/logs/sshd', lines: 1 } },
    ],
    ['a folder of the system', { ...base, action: 'list_files', args: { path: '/root', max_entries: 1 } }],
    ['a byte too far', { ...base, action: 'get_file', args: { path: '/work/a', offset: 64 * 1024 * 1024, length: 1 } }],
  ])('refuses %s', (_name, request) => {
    expect(checkCatalogue(CATALOGUE, request)?.code).toBe('NOT_IN_CATALOGUE');
  });

  it('takes what a run needs', () => {
    const content_base64 = Buffer.alloc(10).toString('base64');
    expect(
      checkCatalogue(CATALOGUE, { ...base, action: 'put_file', args: { path: '/work/in/a', content_base64, sha256 } }),
    ).toBeUndefined();
    expect(
      checkCatalogue(CATALOGUE, { ...base, action: 'run_script', args: { sha256, args: [], timeout_seconds: 3600 } }),
    ).toBeUndefined();
  });
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Grant, isWithin } from '../../executor/protocol/index.ts';
import { detonationRequest, type RequestedAction, type RunRequest } from '../run/request.ts';
import { admit } from './admit.ts';
import { findProfile, loadPolicy, type Profile } from './profile.ts';

const policy = await loadPolicy();
const detonation = findProfile(policy, 'detonation');
const inspection = findProfile(policy, 'inspection');
const script = detonationRequest({
  content: Buffer.from('#!/bin/sh\nid\n'),
  label: 'id.sh',
  args: [],
  timeoutSeconds: 60,
  requester: 'test',
  profile: 'detonation',
});
const asking = (...actions: RequestedAction[]): RunRequest => ({ ...script, actions });

test('a detonation is granted the one digest it named and nothing wider', () => {
  const decision = admit(script, detonation);
  if (!decision.allowed) throw new Error(decision.refusal.got);
  const named = script.actions.flatMap((one) => (one.action === 'run_script' ? [one.args.sha256] : []));
  expect(decision.actions.find((one) => one.action === 'run_script')?.limits).toEqual({
    sha256: named,
    max_seconds: 60,
  });
  expect(decision.actions.find((one) => one.action === 'put_file')?.limits).toMatchObject({
    paths: [`/work/in/${named[0] ?? ''}`],
  });
  const grant = {
    version: 1,
    task_id: 'task',
    run_id: '0123456789ab',
    requester: 'test',
    machine_id: '9f8b1c6e-6a3b-4c8d-9e2f-0a1b2c3d4e5f',
    actions: decision.actions,
    expires_at: 1,
    policy_sha256: policy.sha256,
  };
  expect(Grant.safeParse(grant).success).toBe(true);
});

test.each([
  ['an action outside the profile', inspection, script],
  [
    'a path outside the profile',
    detonation,
    asking({ action: 'read_file', args: { path: '/etc/shadow', max_bytes: 10 } }),
  ],
  [
    'a sibling of an allowed folder',
    detonation,
    asking({ action: 'read_file', args: { path: '/workshop/x', max_bytes: 10 } }),
  ],
  [
    'too many lines',
    detonation,
    asking({ action: 'tail_log', args: { path: '/run/burnbag/logs/sshd', lines: 5_000 } }),
  ],
  ['a TTL above the profile’s', detonation, { ...script, ttlSeconds: 3_601 }],
  ['a TTL of nothing', detonation, { ...script, ttlSeconds: 0 }],
  [
    'a script that may run longer than its grant',
    detonation,
    {
      ...script,
      ttlSeconds: 60,
      actions: [{ action: 'run_script', args: { sha256: 'a'.repeat(64), args: [], timeout_seconds: 61 } }],
    },
  ],
] satisfies [string, Profile, RunRequest][])('%s is refused', (_what, profile, request) => {
  const decision = admit(request, profile);
  expect(decision.allowed ? 'allowed' : decision.refusal.code).toBe('refused_by_policy');
});

test('no request gets a path that its profile does not allow', () => {
  const path = fc.stringMatching(/^(\/[a-z.]{0,8}){1,5}$/);
  fc.assert(
    fc.property(path, (asked) => {
      const decision = admit(asking({ action: 'read_file', args: { path: asked, max_bytes: 1 } }), detonation);
      expect(decision.allowed).toBe(isWithin(asked, ['/work/', '/tmp/']));
    }),
  );
});

test('an unknown profile is refused with the names there are', () => {
  expect(() => findProfile(policy, 'nope')).toThrow(
    expect.objectContaining({ code: 'bad_argument', expected: expect.stringContaining('detonation') as string }),
  );
});

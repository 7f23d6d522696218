import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { backendRoot, stackFiles } from './layout.ts';

it.each([
  ['file:///var/state', '/var/state/.pulumi'],
  ['file://state', '/work/state/.pulumi'],
  ['file://./a%20b?metadata=skip', '/work/a b/.pulumi'],
  ['file://~/state', join(homedir(), 'state', '.pulumi')],
])('finds the folder of %s', (url, root) => {
  expect(backendRoot(url, '/work')).toBe(root);
});

it.each(['s3://bucket', 'https://app.pulumi.com', '/var/state', ''])('refuses the backend %j', (url) => {
  expect(() => backendRoot(url, '/work')).toThrow(expect.objectContaining({ code: 'refused' }));
});

it('puts everything of a stack where Pulumi’s file backend does', () => {
  expect(stackFiles('/r/.pulumi', 'bb', 'dev')).toMatchObject({
    state: '/r/.pulumi/stacks/bb/dev.json',
    previous: '/r/.pulumi/stacks/bb/dev.json.bak',
    locks: '/r/.pulumi/locks/organization/bb/dev',
    history: '/r/.pulumi/history/bb/dev',
    backups: '/r/.pulumi/backups/bb/dev',
  });
});

it.each(['', '.', '..', '../x', 'a/b', '.hidden', 'a\0b', 'x'.repeat(101)])('refuses the name %j', (name) => {
  expect(() => stackFiles('/r', 'bb', name)).toThrow(expect.objectContaining({ code: 'refused' }));
  expect(() => stackFiles('/r', name, 'dev')).toThrow(expect.objectContaining({ code: 'refused' }));
});

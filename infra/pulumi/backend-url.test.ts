import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openStack } from './stack.ts';

/*
 * What the `pulumi` binary is told of the backend. The binary is not to be had here: a program of its name writes down what it is started with, and fails.
 */

const PROGRAM = `#!/bin/sh
if [ "$1" = version ]; then echo v3.270.0; exit 0; fi
printf '%s\\n' "$PULUMI_BACKEND_URL" >> "\${0%/*}/told"
exit 255
`;

let folder = '';
let path: string | undefined;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'burnbag-backend-'));
  await writeFile(join(folder, 'pulumi'), PROGRAM, { mode: 0o755 });
  path = process.env['PATH'];
  process.env['PATH'] = `${folder}:${path ?? ''}`;
});
afterEach(async () => {
  process.env['PATH'] = path;
  await rm(folder, { recursive: true });
});

test('the binary is handed the configured backend, by its environment and by its project file', async () => {
  const backendUrl = 's3://state/burnbag/one?region=eu-central-1';
  const opening = openStack({
    ...{ name: 'run-aa0000000001', project: 'burnbag', program: () => Promise.resolve({}), engine: 'cli' },
    ...{ backendDir: join(folder, 'state'), backendUrl, workDir: join(folder, 'work'), passphrase: 'p', providers: {} },
  });
  await expect(opening).rejects.toMatchObject({ name: 'PulumiError' });
  const told = (await readFile(join(folder, 'told'), 'utf8')).trim().split('\n');
  expect(new Set(told)).toEqual(new Set([backendUrl]));
  expect(await readFile(join(folder, 'work', 'Pulumi.yaml'), 'utf8')).toContain(`url: ${backendUrl}`);
});

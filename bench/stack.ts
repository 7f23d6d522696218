import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStack } from '../infra/pulumi/stack.ts';

/** What Pulumi itself costs a run: a stack opened, brought up empty, destroyed and removed; milliseconds. The SDK is loaded beforehand. */
export async function measureStack(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'burnbag-bench-stack-'));
  try {
    const started = performance.now();
    const stack = await openStack({
      name: 'bench',
      project: 'burnbag',
      program: () => Promise.resolve({ made: true }),
      backendDir: join(folder, 'state'),
      workDir: join(folder, 'work'),
      engine: 'embedded',
      passphrase: 'bench',
      providers: {},
    });
    await stack.up(AbortSignal.timeout(30_000), () => undefined);
    await stack.destroy(() => undefined);
    await stack.remove();
    return performance.now() - started;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync } from 'node:fs';
import { join } from 'node:path';
import type { TestSandbox } from './sandbox.ts';

/** The root half as a process of its own, listening. */
export class TestSpawner implements AsyncDisposable {
  readonly process: ChildProcess;
  readonly #exited: Promise<unknown>;

  private constructor(child: ChildProcess) {
    this.process = child;
    this.#exited = once(child, 'exit');
  }

  static async start(sandbox: TestSandbox): Promise<TestSpawner> {
    chmodSync(sandbox.folder, 0o755);
    chownSync(join(sandbox.folder, 'work/job'), sandbox.guest.scriptUser, sandbox.guest.scriptUser);
    const entry = join(import.meta.dirname, 'spawner-entry.ts');
    const child = spawn(process.execPath, [entry, JSON.stringify(sandbox.guest)], {
      env: {},
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const spawner = new TestSpawner(child);
    await Promise.race([once(child.stdout, 'data'), spawner.#exited]);
    if (child.exitCode !== null) throw new Error(`expected the root half to listen, got exit ${child.exitCode}`);
    return spawner;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.process.kill('SIGKILL');
    await this.#exited;
  }
}

import { PulumiCommand } from '@pulumi/pulumi/automation/index.js';
import type { EmbeddedEngineOptions } from '../engine/index.ts';
import { createEmbeddedEngine } from '../engine/index.ts';
import { PulumiError } from './errors.ts';

/** What executes a stack's program: `embedded` in this process, or `cli`, the `pulumi` binary on PATH. */
export type EngineName = 'embedded' | 'cli';

/** An engine behind the Automation API's seam. */
export interface ChosenEngine {
  readonly command: PulumiCommand;
  /** Ends at once what may still run; only the embedded engine can. */
  readonly terminate: () => void;
}

/** Makes the engine of the given name; `engine_unavailable` if there is no `pulumi` binary of a version the SDK takes. */
export async function chooseEngine(name: EngineName, options: EmbeddedEngineOptions = {}): Promise<ChosenEngine> {
  if (name === 'cli') return { command: await findCommand(), terminate: () => undefined };
  const engine = createEmbeddedEngine(options);
  // The class has a private constructor; what the SDK calls of it is what the embedded engine has (ENGINE seam).
  return {
    command: engine as unknown as PulumiCommand,
    terminate: () => {
      engine.terminate();
    },
  };
}

/** Looked for once: each look costs a process. */
let found: Promise<PulumiCommand> | undefined;

async function findCommand(): Promise<PulumiCommand> {
  found ??= PulumiCommand.get();
  try {
    return await found;
  } catch (error) {
    found = undefined;
    const got = error instanceof Error ? error.message : String(error);
    throw new PulumiError(
      'engine_unavailable',
      `expected a pulumi binary on PATH for the cli engine, got: ${got}; install it, or use the embedded engine`,
      { cause: error },
    );
  }
}

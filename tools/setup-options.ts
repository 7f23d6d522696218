import { join } from 'node:path';
import { SetupError } from '../orchestrator/setup/errors.ts';
import { renderSetupEvent } from '../orchestrator/setup/render.ts';
import type { SetupOptions } from '../orchestrator/setup/setup.ts';
import { ROOT } from './programs.ts';

/** How a developer's task prepares this checkout: in its data directory, each item told on stderr as it goes. */
export function setupOptions(): SetupOptions {
  return {
    home: process.env['BURNBAG_HOME'] ?? join(ROOT, '.burnbag'),
    root: ROOT,
    env: process.env,
    onEvent: (event) => {
      for (const line of renderSetupEvent(event)) console.error(line);
    },
  };
}

/** What a task ends with that is not prepared for, having said why; whatever else went wrong is thrown on. */
export function notPrepared(what: string, error: unknown): number {
  if (!(error instanceof SetupError)) throw error;
  console.error(`burnbag: ${what}: expected ${error.expected}, got ${error.got}\n  ${error.hint}`);
  return 69;
}

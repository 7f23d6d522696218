import type { ActionName } from '../protocol/action.ts';
import type { Run } from './action.ts';

/**
 * Loads an action's own file: the one in actions/ that has its name. There is no list to keep beside the table of contracts, and what a
 * session never asks for is never loaded. The build finds the files by the same pattern, and a test that each name has one.
 */
export async function loadAction<Name extends ActionName>(name: Name): Promise<Run<Name>> {
  const { run } = (await import(`./actions/${name}.ts`)) as { run: Run<Name> };
  return run;
}

import { measureOf, type ActionRequest } from '../../protocol/action.ts';
import type { Refusal } from '../../protocol/error.ts';
import { excessOf, type Limits } from '../../protocol/measure.ts';
import type { Catalogue } from '../catalogue.ts';

/** Whether the catalogue allows a request, whatever was granted; undefined when it does. Pure. */
export function checkCatalogue(catalogue: Catalogue, request: ActionRequest): Refusal | undefined {
  const row = catalogue.actions[request.action];
  if (row === undefined) return refuse('an action with a row', request.action);
  const paths = row.paths.map(({ path }) => path);
  const units = row.units?.map(({ unit }) => unit);
  const limits: Limits = { ...row.limits, paths, units, sha256: 'any' };
  const excess = excessOf(measureOf(request), limits);
  return excess === undefined ? undefined : refuse(excess.expected, excess.got);
}

function refuse(expected: string, got: string): Refusal {
  const hint = 'policies/catalogue.json is the most that any grant can allow';
  return { code: 'NOT_IN_CATALOGUE', expected, got, hint };
}

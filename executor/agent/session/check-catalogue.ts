import type { ActionRequest } from '../../protocol/action.ts';
import type { Refusal } from '../../protocol/error.ts';
import type { Catalogue } from '../catalogue.ts';
import { excessOf, type Limits } from './limits.ts';
import { measureOf } from './measure.ts';

/** Whether the catalogue allows a request, whatever was granted; undefined when it does. Pure. */
export function checkCatalogue(catalogue: Catalogue, request: ActionRequest): Refusal | undefined {
  const row = catalogue.actions[request.action];
  const limits: Limits = { ...row.limits, paths: row.paths.map(({ path }) => path), sha256: 'any' };
  const excess = excessOf(measureOf(request), limits);
  if (excess === undefined) return undefined;
  const hint = 'policies/catalogue.json is the most that any grant can allow';
  return { code: 'NOT_IN_CATALOGUE', expected: excess.expected, got: excess.got, hint };
}

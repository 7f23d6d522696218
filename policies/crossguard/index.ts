import type { Rule, Seen, Violation } from './rule.ts';
import { EVIDENCE_RULES } from './rules/evidence.ts';
import { MACHINE_RULES } from './rules/machine.ts';
import { NETWORK_RULES } from './rules/network.ts';
import { OWNERSHIP_RULES } from './rules/ownership.ts';

export type { Rule, Seen, Violation } from './rule.ts';

/**
 * What every AWS resource of ours must keep to. Used in three places: by our programs before anything is registered, by the tests, and by
 * the Pulumi policy pack in `pack/`.
 */
export const RULES: readonly Rule[] = [...MACHINE_RULES, ...NETWORK_RULES, ...EVIDENCE_RULES, ...OWNERSHIP_RULES];

/** Every rule a resource breaks. */
export function judge(resource: Seen): readonly Violation[] {
  return RULES.filter(({ types }) => types.includes(resource.type)).flatMap(({ name, why, check }) => {
    const what = check(resource);
    return what === undefined ? [] : [{ rule: name, why, type: resource.type, name: resource.name, what }];
  });
}

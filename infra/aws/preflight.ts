import { runtime } from '@pulumi/pulumi';
import { judge } from '../../policies/crossguard/index.ts';
import { DriverError } from '../error.ts';

/**
 * Judges every resource of the running program by the rules of policies/crossguard, before the engine hears of it: one that breaks a rule
 * ends the program. Called first in a program.
 */
export function preflight(): void {
  runtime.registerStackTransformation(({ type, name, props }) => {
    const [first] = judge({ type, name, props });
    if (first === undefined) return undefined;
    throw new DriverError('bad_request', {
      expected: `a program that keeps to the rule ${first.rule}`,
      got: `${first.name} (${first.type}): ${first.what}`,
      hint: first.why,
    });
  });
}

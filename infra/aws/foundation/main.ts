import { getAvailabilityZones, getCallerIdentity, getRegion } from '@pulumi/aws';
import { Config } from '@pulumi/pulumi';
import { FoundationInputs } from './inputs.ts';
import { foundationProgram } from './program.ts';

/** The zones that are used where the configuration names none. */
const ZONES = 2;

/**
 * What `pulumi up` at the root runs (Pulumi.yaml): the same program as `burnbag aws foundation up`, its inputs from the stack's
 * configuration, and what that does not name from the account that the credentials belong to.
 */
export default async function deployed(): Promise<Record<string, unknown>> {
  const config = new Config();
  const [{ accountId }, { region }, { names }] = await Promise.all([
    getCallerIdentity(),
    getRegion(),
    getAvailabilityZones({ state: 'available' }),
  ]);
  const inputs = FoundationInputs.parse({
    accountId,
    region,
    zones: names.slice(0, ZONES),
    ...config.requireObject<Record<string, unknown>>('foundation'),
  });
  return foundationProgram(inputs)();
}

import { output } from '@pulumi/pulumi';
import { describe, expect, test } from 'vitest';
import { runInputs } from '../../../test/support/aws/network.ts';
import { judge } from '../../../policies/crossguard/index.ts';
import { groupArguments, instanceArguments, interfaceArguments } from './machine.ts';

const INPUTS = runInputs('aa0000000001', { vpcId: 'vpc-1', subnets: ['subnet-1', 'subnet-2'] });
const SPOT = { ...INPUTS, placement: { ...INPUTS.placement, spot: true } };
const INSTANCE = 'aws:ec2/instance:Instance';
const GROUP = 'aws:ec2/securityGroup:SecurityGroup';

const brokenBy = (type: string, props: object) =>
  judge({ type, name: 'x', props: { ...props } }).map(({ rule }) => rule);
const machine = (inputs = INPUTS) => instanceArguments(inputs, output('eni-1'));

test('keeps to every rule, at the spot price too', () => {
  expect(brokenBy(INSTANCE, machine())).toEqual([]);
  expect(brokenBy(INSTANCE, machine(SPOT))).toEqual([]);
  expect(brokenBy(GROUP, groupArguments(INPUTS))).toEqual([]);
  expect(brokenBy('aws:ec2/networkInterface:NetworkInterface', interfaceArguments(INPUTS, ['sg-1']))).toEqual([]);
});

/** What may be left out: its default is what we say, and we say it so that it can be read. */
const HARMLESS = [
  'disableApiTermination',
  'disableApiStop',
  'monitoring',
  'ami',
  'instanceType',
  'creditSpecification',
];

describe('without one argument some rule is broken', () => {
  const names = Object.keys(machine()).filter((name) => !HARMLESS.includes(name));

  test.each(names)('%s', (name) => {
    expect(brokenBy(INSTANCE, { ...machine(), [name]: undefined })).not.toEqual([]);
  });
});

test.each(['10.0.0.0/8', '10.0.0.1/32 0.0.0.0', ''])('the relay address %j is refused', (relayAddress) => {
  expect(brokenBy(GROUP, groupArguments({ ...INPUTS, relayAddress }))).toEqual(['no-open-ingress']);
});

test('a busy script costs nothing extra on a burstable type', () => {
  expect(machine()).toMatchObject({ creditSpecification: { cpuCredits: 'standard' } });
  for (const instanceType of ['m5.large', 'trn1.2xlarge'])
    expect(machine({ ...INPUTS, placement: { ...INPUTS.placement, instanceType } })).not.toHaveProperty(
      'creditSpecification',
    );
});

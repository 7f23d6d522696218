import { describe, expect, test } from 'vitest';
import { CASES } from './cases.ts';
import { judge, RULES } from './index.ts';

describe.each(RULES)('$name', ({ name }) => {
  const cases = CASES[name] ?? [];

  test('has cases of both kinds', () => {
    expect(cases.some((one) => one.name.startsWith('ok-'))).toBe(true);
    expect(cases.some((one) => one.name.startsWith('fail-'))).toBe(true);
  });

  test.each(cases)('$name', ({ name: expected, type, props }) => {
    const broken = judge({ type, name: 'x', props }).map(({ rule }) => rule);
    expect(broken.includes(name)).toBe(expected.startsWith('fail-'));
  });
});

test('every case is one of a rule', () => {
  expect(Object.keys(CASES).sort()).toEqual(RULES.map(({ name }) => name).sort());
});

test('a violation says what was expected, what came and why it matters', () => {
  const [first] = judge({ type: 'aws:ec2/natGateway:NatGateway', name: 'nat', props: {} });
  expect(first).toEqual({
    rule: 'no-way-out',
    why: 'without a gateway no rule, route or address leads to the internet',
    type: 'aws:ec2/natGateway:NatGateway',
    name: 'nat',
    what: 'expected no gateway, got "aws:ec2/natGateway:NatGateway"',
  });
});

test('what no rule speaks of is left alone', () => {
  expect(judge({ type: 'burnbag:local:Machine', name: 'm', props: {} })).toEqual([]);
});

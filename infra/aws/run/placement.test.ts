import { expect, test } from 'vitest';
import type { Placement } from './inputs.ts';
import { capacityError, placements, remaining, tryPlacements } from './placement.ts';

const CHOICES = { instanceTypes: ['m5.large', 'm5.xlarge', 't3.large'], subnets: ['a', 'b'], spot: 'never' } as const;
const ALL = placements(CHOICES, 0);
const said = (code: string) =>
  new Error(`creating EC2 Instance: operation error EC2: RunInstances, StatusCode: 400, api error ${code}: no`);
const short = ({ instanceType, subnetId, spot }: Placement) => `${instanceType} ${subnetId}${spot ? ' spot' : ''}`;
const first = ALL[0] as Placement;

test('the type comes before the zone, and runs are spread over the zones', () => {
  expect(ALL.map(short)).toEqual([
    ...['m5.large a', 'm5.large b', 'm5.xlarge a', 'm5.xlarge b', 't3.large a', 't3.large b'],
  ]);
  expect(placements(CHOICES, 7).map(short).slice(0, 2)).toEqual(['m5.large b', 'm5.large a']);
});

test('the spot price is tried first or alone, where it is asked for', () => {
  const markets = (spot: 'first' | 'only') => placements({ ...CHOICES, spot }, 0).map((placement) => placement.spot);
  expect(markets('first')).toEqual([...Array<boolean>(6).fill(true), ...Array<boolean>(6).fill(false)]);
  expect(markets('only')).toEqual(Array(6).fill(true));
});

test.each([
  ['zone', ['m5.large b', 'm5.xlarge a', 'm5.xlarge b', 't3.large a', 't3.large b']],
  ['family', ['t3.large a', 't3.large b']],
  ['market', []],
] as const)('a refusal of reach %s leaves what it says nothing about', (reach, left) => {
  expect(remaining(ALL, first, reach).map(short)).toEqual(left);
});

test('a refusal at the spot price says nothing about the price on demand', () => {
  const both = placements({ ...CHOICES, spot: 'first' }, 0);
  expect(remaining(both, both[0] as Placement, 'market').map(short)).toEqual(ALL.map(short));
});

test.each([
  ['api error InsufficientInstanceCapacity: none free', 'InsufficientInstanceCapacity'],
  ['x, api error VcpuLimitExceeded: quota', 'VcpuLimitExceeded'],
  ['api error UnauthorizedOperation: InsufficientInstanceCapacity', undefined],
  ['api error toString: x', undefined],
  ['InsufficientInstanceCapacity', undefined],
])('%j is a want of capacity: %j', (text, code) => {
  expect(capacityError(text)?.code).toBe(code);
});

test('stops at the first placement that is had', async () => {
  const tried: string[] = [];
  const refused: string[] = [];
  const attempt = (placement: Placement) => {
    tried.push(short(placement));
    return tried.length < 3 ? Promise.reject(said('InsufficientInstanceCapacity')) : Promise.resolve('had');
  };
  await expect(tryPlacements(ALL, attempt, (placement) => refused.push(short(placement)))).resolves.toBe('had');
  expect(tried).toEqual(['m5.large a', 'm5.large b', 'm5.xlarge a']);
  expect(refused).toEqual(['m5.large a', 'm5.large b']);
});

test.each(['UnauthorizedOperation', 'InvalidAMIID.NotFound'])('%s is tried nowhere else', async (code) => {
  let attempts = 0;
  const attempt = () => {
    attempts += 1;
    return Promise.reject(said(code));
  };
  await expect(tryPlacements(ALL, attempt, () => undefined)).rejects.toThrow(code);
  expect(attempts).toBe(1);
});

test('without any placement nothing is tried', async () => {
  await expect(
    tryPlacements(
      [],
      () => Promise.resolve(),
      () => undefined,
    ),
  ).rejects.toBeInstanceOf(RangeError);
});

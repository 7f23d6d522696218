import type { Placement } from './inputs.ts';

/** Where a machine may go, best first. */
export interface Choices {
  /** In order of preference; several families, so that one without capacity stops no run. */
  readonly instanceTypes: readonly string[];
  /** One per zone. */
  readonly subnets: readonly string[];
  /** `first`: at the spot price where it can be had, else on demand. */
  readonly spot: 'never' | 'first' | 'only';
}

/** All placements in the order they are tried: the market, then the type, then the zone. `turn` spreads runs over the zones. */
export function placements({ instanceTypes, subnets, spot }: Choices, turn: number): readonly Placement[] {
  const markets = { never: [false], first: [true, false], only: [true] }[spot];
  const first = subnets.length === 0 ? 0 : turn % subnets.length;
  const zones = [...subnets.slice(first), ...subnets.slice(0, first)];
  return markets.flatMap((market) =>
    instanceTypes.flatMap((instanceType) => zones.map((subnetId) => ({ instanceType, subnetId, spot: market }))),
  );
}

/** How much of the list a refusal makes pointless: this zone for this type, this family altogether, or the market. */
type Reach = 'zone' | 'family' | 'market';

/** The refusals of RunInstances after which another placement may succeed, by the service's error code. Any other one ends the run. */
const CAPACITY_ERRORS: Readonly<Record<string, { readonly reach: Reach; readonly why: string }>> = {
  InsufficientInstanceCapacity: { reach: 'zone', why: 'the zone has no such machine free' },
  InsufficientCapacityOnHost: { reach: 'zone', why: 'the zone has no such machine free' },
  InsufficientFreeAddressesInSubnet: { reach: 'zone', why: 'the subnet of the zone has no address free' },
  Unsupported: { reach: 'zone', why: 'the zone does not have this type at all' },
  VcpuLimitExceeded: { reach: 'family', why: "the account's quota for this family is used up" },
  InstanceLimitExceeded: { reach: 'family', why: "the account's quota for this family is used up" },
  SpotMaxPriceTooLow: { reach: 'market', why: 'the spot price is higher than what is paid on demand' },
  MaxSpotInstanceCountExceeded: { reach: 'market', why: "the account's quota for spot machines is used up" },
};

/** Tells a refusal for want of capacity, in what the provider said, from every other failure. */
export function capacityError(
  text: string,
): { readonly code: string; readonly reach: Reach; readonly why: string } | undefined {
  for (const [, code = ''] of text.matchAll(/\bapi error ([A-Za-z.]+):/g)) {
    const row = Object.hasOwn(CAPACITY_ERRORS, code) ? CAPACITY_ERRORS[code] : undefined;
    if (row !== undefined) return { code, ...row };
  }
  return undefined;
}

/** What is left to try after a placement was refused. */
export function remaining(left: readonly Placement[], refused: Placement, reach: Reach): readonly Placement[] {
  const pointless: Readonly<Record<Reach, (candidate: Placement) => boolean>> = {
    zone: (candidate) => candidate.instanceType === refused.instanceType && candidate.subnetId === refused.subnetId,
    family: (candidate) => familyOf(candidate) === familyOf(refused),
    market: () => true,
  };
  return left.filter((candidate) => candidate.spot !== refused.spot || !pointless[reach](candidate));
}

function familyOf({ instanceType }: Placement): string {
  return instanceType.split('.')[0] ?? instanceType;
}

/**
 * Tries placements until one is had. `attempt` must leave the run such that another attempt can follow: the same stack, brought up again.
 * Anything but a want of capacity ends it, and so does the last placement's refusal.
 */
export async function tryPlacements<T>(
  candidates: readonly Placement[],
  attempt: (placement: Placement) => Promise<T>,
  refused: (placement: Placement, code: string) => void,
): Promise<T> {
  let left = candidates;
  for (;;) {
    const [placement] = left;
    if (placement === undefined) throw new RangeError('expected at least one placement, got none');
    try {
      return await attempt(placement);
    } catch (error) {
      const capacity = error instanceof Error ? capacityError(error.message) : undefined;
      if (capacity === undefined) throw error;
      refused(placement, capacity.code);
      left = remaining(left, placement, capacity.reach);
      if (left.length === 0) throw error;
    }
  }
}

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Call } from '../../support/provider.ts';
import { ProviderFault } from '../../support/provider.ts';
import { Bag, Box, Fixture, NEVER, Room, sound } from './fixture.ts';
import type { Program } from './fixture.ts';

/** How many random lives of a stack are tried; CI sets more. */
const CASES = Number(process.env['ENGINE_RECOVERY_CASES'] ?? 24);
/** Lives that go on side by side, as they do in the product. */
const SIDE_BY_SIDE = 8;

/** What happens when a resource is created or deleted. `lost` makes the object and kills the engine before the answer. */
type Fate = 'well' | 'fails' | 'half' | 'lost';
interface NodeSpec {
  readonly needs: readonly number[];
  readonly inRoom: boolean;
  readonly size: readonly [number, number];
  readonly first: boolean;
  readonly fates: readonly [Fate, Fate];
  readonly dropped: boolean;
  readonly deleteFails: boolean;
}

const fate = fc.oneof(
  { arbitrary: fc.constant<Fate>('well'), weight: 6 },
  { arbitrary: fc.constantFrom<Fate>('fails', 'half', 'lost'), weight: 1 },
);
const node = fc.record<NodeSpec>({
  needs: fc.array(fc.nat(), { maxLength: 2 }),
  inRoom: fc.boolean(),
  size: fc.tuple(fc.nat(1), fc.nat(1)),
  first: fc.boolean(),
  fates: fc.tuple(fate, fate),
  dropped: fc.boolean(),
  deleteFails: fc.boolean(),
});
const lives = fc.array(fc.array(node, { minLength: 1, maxLength: 8 }), {
  minLength: SIDE_BY_SIDE,
  maxLength: SIDE_BY_SIDE,
});

/** The program of the first (0) or second (1) update: the second changes sizes and drops some resources. */
function programOf(specs: readonly NodeSpec[], turn: 0 | 1): Program {
  return () => {
    const provider = new Bag('p');
    const room = new Room('room', { providers: [provider] });
    const made: (Box | undefined)[] = [];
    for (const [at, spec] of specs.entries()) {
      if (turn === 1 && spec.dropped) {
        made.push(undefined);
        continue;
      }
      const needed = spec.needs.map((index) => made[at === 0 ? 0 : index % at]).filter((box) => box !== undefined);
      const inputs = {
        size: spec.size[turn],
        of: needed.map((box) => box.id),
        replaceOn: ['size'],
        deleteFirst: spec.first,
      };
      made.push(new Box(`n${at}`, inputs, spec.inRoom ? { parent: room } : { provider }));
    }
    return Promise.resolve({});
  };
}

describe('recovery of the embedded engine', () => {
  let fixture: Fixture;
  beforeAll(async () => {
    fixture = await Fixture.open('embedded', { findsByUrn: true, forgivesDelete: true });
  });
  afterAll(() => {
    fixture.close();
  });

  it(
    'property: after random failures and kills, a destroy leaves the provider empty and the state without resources',
    async () => {
      let run = 0;
      await fc.assert(
        fc.asyncProperty(lives, async (batch) => {
          run += 1;
          await Promise.all(batch.map((specs, index) => live(fixture, `s${run}x${index}`, specs)));
          for (const text of fixture.checkpoints.splice(0)) sound(text);
        }),
        { numRuns: Math.ceil(CASES / SIDE_BY_SIDE), endOnFailure: true },
      );
    },
    60_000 + CASES * 1_000,
  );
});

/** One stack's life: two updates, each of which may be killed, then destroys until one succeeds. */
async function live(fixture: Fixture, name: string, specs: readonly NodeSpec[]): Promise<void> {
  for (const turn of [0, 1] as const) {
    const stack = await fixture.stack(programOf(specs, turn), { name });
    const engine = fixture.embedded;
    for (const [at, spec] of specs.entries()) {
      const fates = spec.fates[turn];
      fixture.provider.on(
        'create',
        `${name}/n${at}`,
        fates === 'well' ? undefined : (call) => meet(fates, call, fixture, () => engine?.terminate()),
      );
    }
    await stack.up().catch(() => undefined);
  }
  let failing = specs.filter((spec) => spec.deleteFails).length;
  for (const [at, spec] of specs.entries()) {
    fixture.provider.on('create', `${name}/n${at}`, undefined);
    let once = spec.deleteFails;
    fixture.provider.on('delete', `${name}/n${at}`, () => {
      if (!once) return;
      once = false;
      throw new ProviderFault('not yet');
    });
  }
  for (let done = false; !done; failing -= 1) {
    const stack = await fixture.stack(NEVER, { name });
    done = await stack.destroy({ continueOnError: failing % 2 === 0 }).then(
      () => true,
      (error: unknown) => {
        if (failing <= 0) throw error;
        return false;
      },
    );
  }
  expect([...fixture.provider.objects.values()].filter(({ urn }) => urn.startsWith(`urn:pulumi:${name}::`))).toEqual(
    [],
  );
  expect(fixture.state(name).resources).toBeUndefined();
}

async function meet(fates: Fate, { urn }: Call, fixture: Fixture, kill: () => void): Promise<void> {
  if (fates === 'fails') throw new ProviderFault('no');
  if (fates === 'half') {
    const id = `half-${urn}-${Math.random()}`;
    fixture.provider.objects.set(id, { urn, inputs: {}, outputs: {} });
    throw new ProviderFault('half made', { partial: { id, properties: {}, reasons: ['half made'] } });
  }
  kill();
  await new Promise((resolve) => setTimeout(resolve, 5));
}

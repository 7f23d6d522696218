import fc from 'fast-check';

/** Which resources there are, which need which, and how they change from one variant of the program to the next. */
export interface NodeSpec {
  /** Each picks one of the resources before this one. */
  readonly needs: readonly number[];
  /** Its object goes by itself when that of the first resource it needs goes. */
  readonly goesWith: boolean;
  readonly inRoom: boolean;
  readonly secret: boolean;
  /** Whether it must be replaced when what it needs is another object. */
  readonly replacedWithNeeds: boolean;
  /** Whether a replacement deletes before it creates. */
  readonly deleteFirst: boolean;
  /** By variant: a changed size is a replacement, a changed colour an update. */
  readonly sizes: readonly [number, number];
  readonly colours: readonly [number, number];
  readonly present: readonly [boolean, boolean];
}

/** What goes wrong when the provider is asked to change a resource. `mute` is a call whose answer never comes: the provider went away before or after its effect. */
export interface Trouble {
  readonly node: number;
  readonly method: 'create' | 'update' | 'delete';
  readonly what: 'fails' | 'half' | 'mute before' | 'mute after';
}

/** How an operation is cut short: after so many moments (calls, effects, state files) or turns of the event loop. */
export interface Interruption {
  readonly how: 'killed' | 'aborted' | 'terminated';
  readonly when: 'moment' | 'turn';
  readonly after: number;
}

/** One operation. */
export interface Act {
  readonly command: 'up' | 'refresh' | 'destroy';
  readonly variant: 0 | 1;
  readonly continueOnError: boolean;
  readonly refreshFirst: boolean;
  readonly troubles: readonly Trouble[];
  /** Objects that somebody else deletes before the operation. */
  readonly vanished: readonly number[];
  readonly interruption: Interruption | undefined;
}

/** The life of one stack; after its acts it is destroyed. */
export interface LifeSpec {
  readonly nodes: readonly NodeSpec[];
  readonly acts: readonly Act[];
  /** Whether the provider finds by its URN what an interrupted create has made. */
  readonly findable: boolean;
}

const often = fc.integer({ min: 0, max: 4 }).map((n) => n > 0);
const seldom = fc.integer({ min: 0, max: 4 }).map((n) => n === 0);
const pair = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<[T, T]> => fc.tuple(value, value);

const node = fc.record<NodeSpec>({
  needs: fc.array(fc.nat(9), { maxLength: 2 }),
  goesWith: seldom,
  inRoom: fc.boolean(),
  secret: seldom,
  replacedWithNeeds: fc.boolean(),
  deleteFirst: fc.boolean(),
  sizes: pair(fc.nat(1)),
  colours: pair(fc.nat(1)),
  present: pair(often),
});

const trouble = fc.record<Trouble>({
  node: fc.nat(9),
  method: fc.constantFrom('create', 'create', 'update', 'delete'),
  what: fc.constantFrom('fails', 'half', 'mute before', 'mute after'),
});

const how = fc.constantFrom<Interruption['how'][]>('killed', 'killed', 'killed', 'killed', 'aborted', 'terminated');
const interruption = fc.oneof(
  fc.record<Interruption>({ how, when: fc.constant('moment'), after: fc.nat(30) }),
  fc.record<Interruption>({ how, when: fc.constant('turn'), after: fc.nat(300) }),
);

const act = fc.record<Act>({
  command: fc.constantFrom('up', 'up', 'up', 'up', 'refresh', 'destroy'),
  variant: fc.constantFrom(0, 1),
  continueOnError: fc.boolean(),
  refreshFirst: seldom,
  troubles: fc.array(trouble, { maxLength: 2 }),
  vanished: fc.oneof({ arbitrary: fc.constant([]), weight: 4 }, fc.array(fc.nat(9), { minLength: 1, maxLength: 2 })),
  interruption: fc.option(interruption, { nil: undefined, freq: 2 }),
});

/** Random lives: few resources and few operations, because what two do wrong together, ten do not do better. */
export const lifeSpec = fc.record<LifeSpec>({
  nodes: fc.array(node, { minLength: 1, maxLength: 6 }),
  acts: fc.array(act, { minLength: 1, maxLength: 4 }),
  findable: often,
});

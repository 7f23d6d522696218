import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ProviderFault } from '../../support/provider.ts';
import { Bag, Box, boxes, ENGINES, Fixture } from './fixture.ts';
import type { Program } from './fixture.ts';

const fail = (): never => {
  throw new ProviderFault('the provider says no');
};

/** Box `a`, whose size can only be changed by replacing it, and `b`, which takes its id. */
const sized = (size: number, first = false): Program =>
  boxes(
    ['a', () => ({ size, replaceOn: ['size'], ...(first ? { deleteFirst: true } : {}) })],
    ['b', ({ a }) => ({ of: a?.id })],
  );

describe.each(ENGINES)('replacement on the %s engine', (engine) => {
  let fixture: Fixture;
  beforeEach(async () => {
    fixture = await Fixture.open(engine);
  });
  afterEach(() => {
    fixture.close();
  });

  it('23: creates the new one, updates its dependents, deletes the old one last', async () => {
    await fixture.up(sized(1));
    const old = fixture.resource('a').id;
    fixture.next();
    await fixture.up(sized(2));
    expect(fixture.provider.log()).toEqual(['create a', 'update b', 'delete a']);
    const checks = fixture.provider.calls.filter(({ method, name }) => method === 'check' && name === 'a');
    expect(checks.map(({ olds }) => olds)).toEqual([{ size: 1, replaceOn: ['size'] }, {}]);
    expect(fixture.provider.calls.find(({ method }) => method === 'delete')?.id).toBe(old);
    expect(fixture.resource('b').inputs).toEqual({ of: fixture.resource('a').id });
    expect(fixture.summary().resourceChanges).toEqual({ same: 2, replace: 1, update: 1 });
  });

  it('24: a failed final delete leaves both, and a destroy deletes each once', async () => {
    await fixture.up(sized(1));
    fixture.next();
    fixture.provider.on('delete', 'a', fail);
    await expect(fixture.up(sized(2))).rejects.toThrow(/update failed/);
    expect(fixture.resources('a').map((resource) => resource.delete ?? false)).toEqual([false, true]);
    fixture.next();
    await fixture.destroy();
    expect(fixture.provider.log().toSorted()).toEqual(['delete a', 'delete a', 'delete b']);
    expect(fixture.provider.existing).toEqual([]);
  });

  it('25: with deleteBeforeReplace an interrupted replacement is taken up again without a second delete', async () => {
    await fixture.up(sized(1, true));
    fixture.next();
    fixture.provider.on('create', 'a', fail);
    await expect(fixture.up(sized(2, true))).rejects.toThrow(/update failed/);
    expect(fixture.provider.log()).toEqual(['delete a', 'create a']);
    expect(fixture.resource('a').pendingReplacement).toBe(true);
    fixture.next();
    await fixture.up(sized(2, true));
    expect(fixture.provider.log()).toEqual(['create a', 'update b']);
    expect(fixture.resources('a')).toHaveLength(1);
    expect(fixture.resource('a').pendingReplacement).toBeUndefined();
  });

  it('26: with deleteBeforeReplace a failed delete changes nothing', async () => {
    await fixture.up(sized(1, true));
    fixture.next();
    fixture.provider.on('delete', 'a', fail);
    await expect(fixture.up(sized(2, true))).rejects.toThrow(/update failed/);
    expect(fixture.provider.log()).toEqual(['delete a']);
    expect(fixture.resource('a').pendingReplacement).toBeUndefined();
    expect(fixture.resource('a').inputs).toMatchObject({ size: 1 });
  });

  it('27: a destroy forgets what was already deleted for its replacement', async () => {
    await fixture.up(boxes(['a', () => ({ size: 1, replaceOn: ['size'], deleteFirst: true })]));
    fixture.provider.on('create', 'a', fail);
    await expect(
      fixture.up(boxes(['a', () => ({ size: 2, replaceOn: ['size'], deleteFirst: true })])),
    ).rejects.toThrow();
    fixture.next();
    await fixture.destroy();
    expect(fixture.provider.log()).toEqual([]);
    expect(fixture.state().resources).toBeUndefined();
  });

  it('with deleteBeforeReplace a dependent that must be replaced too goes first and comes back', async () => {
    const both = (size: number): Program =>
      boxes(
        ['a', () => ({ size, replaceOn: ['size'], deleteFirst: true })],
        ['b', ({ a }) => ({ of: a?.id, replaceOn: ['of'], deleteFirst: true })],
      );
    await fixture.up(both(1));
    fixture.next();
    await fixture.up(both(2));
    expect(fixture.provider.log()).toEqual(['delete b', 'delete a', 'create a', 'create b']);
    expect(fixture.provider.existing).toEqual(['a', 'b']);
    expect(fixture.names()).toEqual(['stack', 'p', 'a', 'b']);
  });

  it('a dependent deleted for a replacement that the program no longer registers is forgotten', async () => {
    const both = (size: number): Program =>
      boxes(
        ['a', () => ({ size, replaceOn: ['size'], deleteFirst: true })],
        ['b', ({ a }) => ({ of: a?.id, replaceOn: ['of'], deleteFirst: true })],
      );
    await fixture.up(both(1));
    fixture.next();
    await fixture.up(boxes(['a', () => ({ size: 2, replaceOn: ['size'], deleteFirst: true })]));
    expect(fixture.provider.log()).toEqual(['delete b', 'delete a', 'create a']);
    expect(fixture.names()).toEqual(['stack', 'p', 'a']);
  });

  it('a protected resource is not replaced, and nothing is created', async () => {
    const program = (size: number): Program =>
      boxes(['a', () => ({ size, replaceOn: ['size'] }), () => ({ protect: true })]);
    await fixture.up(program(1));
    fixture.next();
    await expect(fixture.up(program(2))).rejects.toThrow(/marked for protection/);
    expect(fixture.provider.log()).toEqual([]);
  });

  it('replaceOnChanges makes a replacement of an update', async () => {
    const program = (size: number): Program => boxes(['a', () => ({ size }), () => ({ replaceOnChanges: ['size'] })]);
    await fixture.up(program(1));
    fixture.next();
    await fixture.up(program(2));
    expect(fixture.provider.log()).toEqual(['create a', 'delete a']);
  });

  it('a provider that cannot tell is compared by inputs', async () => {
    const program = (size: number): Program => boxes(['a', () => ({ size, diffUnknown: true })]);
    await fixture.up(program(1));
    fixture.next();
    await fixture.up(program(1));
    expect(fixture.provider.log()).toEqual([]);
    await fixture.up(program(2));
    expect(fixture.provider.log()).toEqual(['update a']);
  });

  it('a provider whose configuration must be replaced takes its resources with it', async () => {
    const program =
      (region: string): Program =>
      () => {
        const provider = new Bag('p', { region });
        return Promise.resolve({ made: new Box('a', {}, { provider }).made });
      };
    await fixture.up(program('north'));
    const before = fixture.resource('p').id;
    fixture.next();
    await fixture.up(program('south'));
    expect(fixture.resource('p').id).not.toBe(before);
    expect(fixture.provider.log()).toEqual(['create a', 'delete a']);
    expect(fixture.names()).toEqual(['stack', 'p', 'a']);
  });
});

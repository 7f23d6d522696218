import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ProviderFault } from '../../support/provider.ts';
import { boxes, ENGINES, Fixture } from './fixture.ts';
import type { Program } from './fixture.ts';

/** Box `a`, whose size can only be changed by replacing it; `b` goes with `a`, and `c` with `b`. */
const chain = (size: number, first: boolean): Program =>
  boxes(
    ['a', () => ({ size, replaceOn: ['size'], ...(first ? { deleteFirst: true } : {}) })],
    ['b', undefined, ({ a }) => (a ? { deletedWith: a } : {})],
    ['c', undefined, ({ b }) => (b ? { deletedWith: b } : {})],
  );

describe.each(ENGINES)('what goes with a resource that is replaced, on the %s engine', (engine) => {
  let fixture: Fixture;
  beforeEach(async () => {
    fixture = await Fixture.open(engine);
  });
  afterEach(() => {
    fixture.close();
  });

  it('is replaced too, and its deletion is left to that of its owner', async () => {
    await fixture.up(chain(1, false));
    const before = ['b', 'c'].map((name) => fixture.resource(name).id);
    fixture.next();
    await fixture.up(chain(2, false));
    expect(fixture.provider.log()).toEqual(['create a', 'create b', 'create c', 'delete a']);
    expect(['b', 'c'].map((name) => fixture.resource(name).id)).not.toEqual(before);
    expect(fixture.names()).toEqual(['stack', 'p', 'a', 'b', 'c']);
    expect(fixture.summary().resourceChanges).toEqual({ same: 2, replace: 3 });
  });

  it('is replaced too where the owner is deleted first', async () => {
    await fixture.up(chain(1, true));
    fixture.next();
    await fixture.up(chain(2, true));
    expect(fixture.provider.log()).toEqual(['delete a', 'create a', 'create b', 'create c']);
    expect(fixture.names()).toEqual(['stack', 'p', 'a', 'b', 'c']);
    expect(fixture.summary().resourceChanges).toEqual({ same: 2, replace: 3 });
  });

  it('stays as it is when its owner could not be deleted', async () => {
    await fixture.up(chain(1, true));
    const before = fixture.resource('b').id;
    fixture.next();
    fixture.provider.on('delete', 'a', () => {
      throw new ProviderFault('the provider says no');
    });
    await expect(fixture.up(chain(2, true))).rejects.toThrow(/update failed/);
    expect(fixture.provider.log()).toEqual(['delete a']);
    expect(['a', 'b', 'c'].map((name) => fixture.resource(name).pendingReplacement ?? false)).toEqual([
      false,
      false,
      false,
    ]);
    fixture.next();
    await fixture.up(chain(1, true));
    expect(fixture.provider.log()).toEqual([]);
    expect(fixture.resource('b').id).toBe(before);
  });

  it('is replaced too when it is bound to its owner in the same operation', async () => {
    const loose = boxes(['a', () => ({ size: 1, replaceOn: ['size'], deleteFirst: true })], ['b']);
    const bound = boxes(
      ['a', () => ({ size: 2, replaceOn: ['size'], deleteFirst: true })],
      ['b', undefined, ({ a }) => (a ? { deletedWith: a } : {})],
    );
    await fixture.up(loose);
    const before = fixture.resource('b').id;
    fixture.next();
    await fixture.up(bound);
    expect(fixture.resource('b').id).not.toBe(before);
    expect(fixture.resource('b').deletedWith).toBe(fixture.resource('a').urn);
    expect(fixture.provider.existing).toEqual(['a', 'b']);
  });

  it('is deleted by itself, and first, when it also needs what goes with something else', async () => {
    const program = (size: number): Program =>
      boxes(
        ['a', () => ({ size, replaceOn: ['size'], deleteFirst: true })],
        ['kept'],
        [
          'b',
          ({ a }) => ({ of: a?.id, replaceOn: ['of'], deleteFirst: true }),
          ({ kept }) => (kept ? { deletedWith: kept } : {}),
        ],
      );
    await fixture.up(program(1));
    fixture.next();
    await fixture.up(program(2));
    expect(fixture.provider.log()).toEqual(['delete b', 'delete a', 'create a', 'create b']);
    expect(fixture.provider.existing).toEqual(['a', 'b', 'kept']);
  });
});

import { CustomResource, log } from '@pulumi/pulumi';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ProviderFault } from '../../support/provider.ts';
import { Bag, Box, boxes, ENGINES, Fixture, gate } from './fixture.ts';
import type { Program } from './fixture.ts';

const fail = (): never => {
  throw new ProviderFault('the provider says no');
};
const chain = boxes(['a'], ['b', ({ a }) => ({ of: a?.id })], ['c', ({ b }) => ({ of: b?.id })]);

class Thing extends CustomResource {
  constructor(name: string) {
    super('nowhere:index:Thing', name);
  }
}

describe.each(ENGINES)('failure on the %s engine', (engine) => {
  let fixture: Fixture;
  beforeEach(async () => {
    fixture = await Fixture.open(engine);
  });
  afterEach(() => {
    fixture.close();
  });

  it('7: a failing delete stops later layers, and a second destroy finishes the rest', async () => {
    await fixture.up(
      boxes(
        ['a'],
        ['b', ({ a }) => ({ of: a?.id })],
        ['c', ({ b }) => ({ of: b?.id })],
        ['d', ({ b }) => ({ of: b?.id })],
      ),
    );
    fixture.next();
    fixture.provider.on('delete', 'c', fail);
    await expect(fixture.destroy()).rejects.toThrow(/update failed/);
    expect(fixture.provider.log().toSorted()).toEqual(['delete c', 'delete d']);
    expect(fixture.names()).toEqual(['stack', 'p', 'a', 'b', 'c']);
    fixture.next();
    await fixture.destroy();
    expect(fixture.provider.log()).toEqual(['delete c', 'delete b', 'delete a']);
    expect(fixture.state().resources).toBeUndefined();
  });

  it('8: with continueOnError everything unrelated to the failing delete goes', async () => {
    await fixture.up(boxes(['a'], ['b', ({ a }) => ({ of: a?.id })], ['x'], ['y', ({ x }) => ({ of: x?.id })]));
    fixture.next();
    fixture.provider.on('delete', 'b', fail);
    await expect(fixture.destroy({ continueOnError: true })).rejects.toThrow(/update failed/);
    expect(fixture.provider.log().toSorted()).toEqual(['delete b', 'delete x', 'delete y']);
    expect(fixture.names()).toEqual(['stack', 'p', 'a', 'b']);
  });

  it('9: a failing create leaves what was made before it, and nothing pending', async () => {
    fixture.provider.on('create', 'c', fail);
    await expect(
      fixture.up(
        boxes(
          ['a'],
          ['b', ({ a }) => ({ of: a?.id })],
          ['c', ({ b }) => ({ of: b?.id })],
          ['d', ({ c }) => ({ of: c?.id })],
        ),
      ),
    ).rejects.toThrow(/update failed/);
    expect(fixture.names()).toEqual(['stack', 'p', 'a', 'b']);
    expect(fixture.pending()).toEqual([]);
    expect(
      fixture.events.find(({ diagnosticEvent }) => diagnosticEvent?.urn?.endsWith('::c'))?.diagnosticEvent?.message,
    ).toContain('the provider says no');
    fixture.next();
    await fixture.destroy();
    expect(fixture.provider.log()).toEqual(['delete b', 'delete a']);
    expect(fixture.provider.existing).toEqual([]);
  });

  it('10: a create that half succeeded is recorded with its id and is deleted by it', async () => {
    fixture.provider.on('create', 'a', ({ urn }) => {
      fixture.provider.objects.set('half', { urn, inputs: {}, outputs: {} });
      throw new ProviderFault('not healthy', {
        partial: { id: 'half', properties: { made: 'a' }, reasons: ['no heartbeat'] },
      });
    });
    await expect(fixture.up(boxes(['a']))).rejects.toThrow(/update failed/);
    expect(fixture.resource('a')).toMatchObject({ id: 'half', initErrors: ['no heartbeat'], outputs: { made: 'a' } });
    expect(fixture.pending()).toEqual([]);
    await fixture.destroy();
    expect(fixture.provider.existing).toEqual([]);
  });

  it('11: a half-made resource is updated although nothing changed, and success makes it whole', async () => {
    fixture.provider.on('create', 'a', ({ urn }) => {
      fixture.provider.objects.set('half', { urn, inputs: {}, outputs: {} });
      throw new ProviderFault('not healthy', { partial: { id: 'half', properties: {}, reasons: ['no heartbeat'] } });
    });
    await expect(fixture.up(boxes(['a']))).rejects.toThrow();
    fixture.next();
    await fixture.up(boxes(['a']));
    expect(fixture.provider.log()).toEqual(['update a']);
    expect(fixture.resource('a').initErrors).toBeUndefined();
  });

  it('12: what runs when something fails is awaited and recorded', async () => {
    const failed = gate();
    for (const name of ['a', 'b']) fixture.provider.on('create', name, () => failed.opened.then(() => undefined));
    fixture.provider.on('create', 'c', () => {
      setTimeout(failed.open, 50);
      fail();
    });
    await expect(fixture.up(boxes(['a'], ['b'], ['c']))).rejects.toThrow(/update failed/);
    expect(fixture.names().toSorted()).toEqual(['a', 'b', 'p', 'stack']);
    expect(fixture.pending()).toEqual([]);
  });

  it('13: an up ends although its program waits for ever for a resource that failed, and the next one works', async () => {
    const exporting: Program = () => Promise.resolve({ id: new Box('a', {}, { provider: new Bag('p') }).id });
    fixture.provider.on('create', 'a', fail);
    const handlers = process.listenerCount('unhandledRejection');
    const started = Date.now();
    await expect(fixture.up(exporting)).rejects.toThrow(/update failed/);
    expect(Date.now() - started).toBeLessThan(8_000);
    if (engine === 'embedded') expect(process.listenerCount('unhandledRejection')).toBe(handlers);
    fixture.next();
    const { outputs } = await fixture.up(exporting);
    expect(outputs['id']?.value).toBe(fixture.resource('a').id);
  });

  it('18: a program that throws deletes nothing', async () => {
    await fixture.up(boxes(['a'], ['b'], ['c']));
    fixture.next();
    const throwing: Program = async () => {
      await boxes(['a'])();
      throw new Error('the program gives up');
    };
    await expect(fixture.up(throwing)).rejects.toThrow(/update failed/);
    expect(fixture.provider.log('delete')).toEqual([]);
    expect(fixture.provider.existing).toEqual(['a', 'b', 'c']);
  });

  it('19: a program that only logs an error still deletes what it dropped, yet the update fails', async () => {
    await fixture.up(boxes(['a'], ['b']));
    fixture.next();
    const logging: Program = async () => {
      await boxes(['a'])();
      await log.error('something is odd');
      return {};
    };
    await expect(fixture.up(logging)).rejects.toThrow(/update failed/);
    expect(fixture.provider.log('delete')).toEqual(['delete b']);
    expect(fixture.names()).toEqual(['stack', 'p', 'a']);
  });

  it('22: an update that half succeeded keeps the old inputs and takes the new outputs', async () => {
    await fixture.up(boxes(['a', () => ({ size: 1 })]));
    fixture.next();
    fixture.provider.on('update', 'a', ({ id }) => {
      throw new ProviderFault('half way', {
        partial: { id, properties: { size: 1.5 }, reasons: ['stopped half way'] },
      });
    });
    await expect(fixture.up(boxes(['a', () => ({ size: 2 })]))).rejects.toThrow(/update failed/);
    expect(fixture.resource('a')).toMatchObject({
      inputs: { size: 1 },
      outputs: { size: 1.5 },
      initErrors: ['stopped half way'],
    });
  });

  it('32: two resources of one type and name are refused by their URN', async () => {
    await expect(fixture.up(boxes(['a'], ['a']))).rejects.toThrow(
      /Duplicate resource URN 'urn:pulumi:dev::bb::bag:index:Box::a'/,
    );
    expect(fixture.resources('a')).toHaveLength(1);
  });

  it('33: a failing Check names property and reason, and nothing is created', async () => {
    await expect(fixture.up(boxes(['a', () => ({ invalid: 'x' })]))).rejects.toThrow(
      /bag:index:Box resource 'a'.*property invalid.*must not be set/,
    );
    expect(fixture.provider.log()).toEqual([]);
  });

  it('a provider nobody attached is named', async () => {
    const program: Program = () => {
      new Thing('t');
      return Promise.resolve({});
    };
    await expect(fixture.up(program)).rejects.toThrow(/nowhere/);
    expect(fixture.names()).toEqual(['stack']);
  });

  it('with continueOnError what does not need the failed resource is still made', async () => {
    const failed = gate();
    fixture.provider.on('create', 'a', () => {
      failed.open();
      fail();
    });
    fixture.provider.on('create', 'c', () => failed.opened.then(() => undefined));
    await expect(
      fixture.up(boxes(['a'], ['b', ({ a }) => ({ of: a?.id })], ['c'], ['d', ({ c }) => ({ of: c?.id })]), {
        continueOnError: true,
      }),
    ).rejects.toThrow(/update failed/);
    expect(fixture.provider.log()).not.toContain('create b');
    expect(fixture.provider.existing).toEqual(['c', 'd']);
  });

  it('the state survives a failing chain at any link: destroy leaves the provider empty', async () => {
    for (const name of ['a', 'b', 'c']) {
      fixture.next();
      fixture.provider.on('create', name, fail);
      await expect(fixture.up(chain)).rejects.toThrow();
      await fixture.destroy();
      expect(fixture.provider.existing).toEqual([]);
      expect(fixture.state().resources).toBeUndefined();
    }
  });
});

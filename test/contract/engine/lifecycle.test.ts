import { readFileSync } from 'node:fs';
import * as pulumi from '@pulumi/pulumi';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Bag, Box, boxes, CLI_MISSING, ENGINES, Fixture, gate, Room, sound, until } from './fixture.ts';
import type { Program } from './fixture.ts';

const three = boxes(['a'], ['b', ({ a }) => ({ of: a?.id })], ['c', ({ b }) => ({ of: b?.id })]);

/** A component whose children need one another, under an explicit provider. */
const house: Program = () => {
  const provider = new Bag('p', { region: 'north' });
  const room = new Room('r', { providers: [provider] });
  const a = new Box('a', {}, { parent: room });
  const b = new Box('b', { of: a.id }, { parent: room });
  const c = new Box('c', { of: b.id }, { parent: room });
  return Promise.resolve({ c: c.id });
};

if (!ENGINES.includes('cli')) it.skip(CLI_MISSING);

describe.each(ENGINES)('life of a stack on the %s engine', (engine) => {
  let fixture: Fixture;
  beforeEach(async () => {
    fixture = await Fixture.open(engine);
  });
  afterEach(() => {
    fixture.close();
  });

  it('1: creates dependent resources once, in order, and records them', async () => {
    const result = await fixture.up(three);
    expect(fixture.provider.log()).toEqual(['create a', 'create b', 'create c']);
    expect(fixture.names()).toEqual(['stack', 'p', 'a', 'b', 'c']);
    expect(fixture.resource('b').inputs).toEqual({ of: fixture.resource('a').id });
    expect(fixture.resource('c').dependencies).toEqual([fixture.resource('b').urn]);
    expect(fixture.pending()).toEqual([]);
    expect(result.summary.result).toBe('succeeded');
    expect(result.summary.kind).toBe('update');
    expect(result.summary.resourceChanges).toEqual({ create: 5 });
  });

  it('2: records a create as pending, with inputs and without id, before the provider is called', async () => {
    const stored = gate();
    let pending: unknown;
    fixture.provider.on('create', 'a', () => {
      pending = sound(readFileSync(fixture.stateFile(), 'utf8')).pending_operations;
      stored.open();
    });
    await fixture.up(boxes(['a', () => ({ size: 7 })]));
    await stored.opened;
    expect(pending).toMatchObject([{ type: 'creating', resource: { type: 'bag:index:Box', inputs: { size: 7 } } }]);
    expect(pending).not.toHaveProperty('0.resource.id');
  });

  it('5: destroys dependents first, then component and provider, then the stack', async () => {
    await fixture.up(house);
    expect(fixture.names()).toEqual(['stack', 'p', 'r', 'a', 'b', 'c']);
    fixture.next();
    await fixture.destroy();
    expect(fixture.provider.log()).toEqual(['delete c', 'delete b', 'delete a']);
    expect(
      fixture.events
        .flatMap(({ resOutputsEvent }) => (resOutputsEvent ? [resOutputsEvent.metadata.urn.split('::').at(-1)] : []))
        .slice(0, 3),
    ).toEqual(['c', 'b', 'a']);
    expect(fixture.state().resources).toBeUndefined();
    expect(fixture.provider.existing).toEqual([]);
    expect(fixture.summary().resourceChanges).toEqual({ delete: 6 });
  });

  it('6: does not run the program for destroy or refresh', async () => {
    await fixture.up(three);
    let runs = 0;
    const stack = await fixture.stack(() => {
      runs += 1;
      return Promise.resolve({});
    });
    await stack.refresh();
    await stack.destroy();
    expect(runs).toBe(0);
  });

  it('20: leaves an unchanged program alone after one Check and one Diff each', async () => {
    await fixture.up(three);
    const before = fixture.state().resources;
    fixture.next();
    await fixture.up(three);
    expect(fixture.provider.log('check', 'diff', 'create', 'update', 'delete')).toEqual([
      'check a',
      'diff a',
      'check b',
      'diff b',
      'check c',
      'diff c',
    ]);
    expect(fixture.provider.calls.find(({ method, name }) => method === 'check' && name === 'b')?.olds).toEqual({
      of: fixture.resource('a').id,
    });
    expect(fixture.state().resources).toEqual(before);
    expect(fixture.summary().resourceChanges).toEqual({ same: 5 });
  });

  it('21: updates in place with old outputs, old inputs and new inputs', async () => {
    await fixture.up(boxes(['a', () => ({ size: 1 })]));
    const before = fixture.resource('a');
    fixture.next();
    await fixture.up(boxes(['a', () => ({ size: 2 })]));
    expect(fixture.provider.calls.find(({ method }) => method === 'update')).toMatchObject({
      id: before.id,
      olds: { size: 1, made: 'a' },
      oldInputs: { size: 1 },
      news: { size: 2 },
    });
    const after = fixture.resource('a');
    expect(after).toMatchObject({
      id: before.id,
      created: before.created,
      inputs: { size: 2 },
      outputs: { size: 2, made: 'a' },
    });
    expect(after.modified).not.toBe(before.modified);
  });

  it('28: creates what is new before it deletes what is no longer there', async () => {
    await fixture.up(boxes(['a'], ['b']));
    fixture.next();
    await fixture.up(boxes(['a'], ['c']));
    expect(fixture.provider.log()).toEqual(['create c', 'delete b']);
    expect(fixture.names()).toEqual(['stack', 'p', 'a', 'c']);
  });

  it('35: keeps old stack outputs under new ones when an update fails, and replaces them when it succeeds', async () => {
    const exporting =
      (outputs: Record<string, unknown>, fails: boolean): Program =>
      () => {
        const box = new Box('a', fails ? { size: 2 } : {}, { provider: new Bag('p') });
        return Promise.resolve({ ...outputs, ...(fails ? {} : { made: box.made }) });
      };
    await fixture.up(exporting({ one: 1, two: 2 }, false));
    fixture.provider.on('update', 'a', () => {
      throw new Error('no');
    });
    await expect(fixture.up(exporting({ two: 3 }, true))).rejects.toThrow();
    expect(fixture.resource('stack').outputs).toEqual({ one: 1, two: 3, made: 'a' });
    fixture.next();
    const { outputs } = await fixture.up(exporting({ four: 4 }, false));
    expect(outputs).toEqual({ four: { value: 4, secret: false }, made: { value: 'a', secret: false } });
    expect(fixture.resource('stack').outputs).toEqual({ four: 4, made: 'a' });
  });

  it('36: tells secret outputs from plain ones', async () => {
    const { outputs } = await fixture.up(() =>
      Promise.resolve({ plain: 1, hidden: pulumi.secret('x'), mixed: { inside: pulumi.secret('y') } }),
    );
    expect(outputs['plain']).toEqual({ value: 1, secret: false });
    expect(outputs['hidden']).toEqual({ value: 'x', secret: true });
    expect(outputs['mixed']?.value).toEqual({ inside: 'y' });
    expect(readFileSync(fixture.stateFile(), 'utf8')).not.toContain('"y"');
  });

  it('39: an explicit provider is checked and configured before its first resource, and loaded from the state to destroy', async () => {
    await fixture.up(house);
    const provider = fixture.resource('p');
    expect(provider.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4/);
    expect(fixture.resource('a').provider).toBe(`${provider.urn}::${String(provider.id)}`);
    const methods = fixture.provider.calls.map(({ method }) => method);
    expect(methods.indexOf('checkConfig')).toBeLessThan(methods.indexOf('configure'));
    expect(methods.indexOf('configure')).toBeLessThan(methods.indexOf('check'));
    fixture.next();
    await fixture.destroy();
    const later = fixture.provider.calls.map(({ method }) => method);
    expect(later).not.toContain('checkConfig');
    expect(fixture.provider.calls.find(({ method }) => method === 'configure')?.news).toEqual({ region: 'north' });
  });

  it('numbers its events, begins with the prelude and ends with summary and cancel', async () => {
    await fixture.up(three);
    expect(fixture.events.map(({ sequence }) => sequence)).toEqual(fixture.events.map((_, index) => index));
    expect(fixture.events[0]).toHaveProperty('preludeEvent');
    expect(fixture.events.at(-2)?.summaryEvent).toMatchObject({ maybeCorrupt: false, resourceChanges: { create: 5 } });
    expect(fixture.events.at(-1)).toHaveProperty('cancelEvent');
  });

  it('twelve stacks at once in one process do not disturb each other', async () => {
    const names = Array.from({ length: 12 }, (_, index) => `many-${index}`);
    await Promise.all(
      names.map(async (name) => {
        const stack = await fixture.stack(boxes([name]), { name });
        await stack.up();
        await stack.destroy({ remove: true });
      }),
    );
    expect(fixture.provider.existing).toEqual([]);
    await until(() => fixture.provider.log('delete').length === names.length);
  });
});

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as pulumi from '@pulumi/pulumi';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Bag, Box, boxes, ENGINES, Fixture, Room } from './fixture.ts';
import type { Program } from './fixture.ts';

describe.each(ENGINES)('resource options on the %s engine', (engine) => {
  let fixture: Fixture;
  beforeEach(async () => {
    fixture = await Fixture.open(engine);
  });
  afterEach(() => {
    fixture.close();
  });

  it('29: a destroy names every protected resource, keeps them and what they need, and deletes the rest', async () => {
    await fixture.up(
      boxes(
        ['a'],
        ['b', ({ a }) => ({ of: a?.id }), () => ({ protect: true })],
        ['c'],
        ['d', undefined, () => ({ protect: true })],
      ),
    );
    fixture.next();
    await expect(fixture.destroy()).rejects.toThrow(/update failed/);
    expect(fixture.provider.log()).toEqual(['delete c']);
    expect(fixture.names().toSorted()).toEqual(['a', 'b', 'd', 'p', 'stack']);
    expect(
      fixture
        .errors()
        .filter((text) => text.includes('protected'))
        .map((text) => /::(\w)"/.exec(text)?.[1])
        .toSorted(),
    ).toEqual(['b', 'd']);
  });

  it('30: what shall be retained is forgotten, never deleted', async () => {
    const retained = (size: number): Program =>
      boxes(['a', () => ({ size, replaceOn: ['size'] }), () => ({ retainOnDelete: true })]);
    await fixture.up(retained(1));
    await fixture.up(retained(2));
    await fixture.destroy();
    expect(fixture.provider.log('delete')).toEqual([]);
    expect(fixture.provider.existing).toEqual(['a', 'a']);
    expect(fixture.state().resources).toBeUndefined();
  });

  it('31: what goes with something else is deleted only when it goes alone', async () => {
    const both = boxes(['a'], ['b', undefined, ({ a }) => (a ? { deletedWith: a } : {})]);
    await fixture.up(both);
    await fixture.up(boxes(['a']));
    expect(fixture.provider.log('delete')).toEqual(['delete b']);
    await fixture.up(both);
    fixture.next();
    await fixture.destroy();
    expect(fixture.provider.log('delete')).toEqual(['delete a']);
  });

  it('31: what goes with something is deleted by itself when only what that had replaced goes', async () => {
    const both = (size: number): Program =>
      boxes(['a', () => ({ size, replaceOn: ['size'] })], ['b', undefined, ({ a }) => (a ? { deletedWith: a } : {})]);
    await fixture.up(both(1));
    fixture.provider.on('delete', 'a', () => {
      throw new Error('not yet');
    });
    await expect(fixture.up(both(2))).rejects.toThrow(/update failed/);
    fixture.next();
    await fixture.up(boxes(['a', () => ({ size: 2, replaceOn: ['size'] })]));
    expect(fixture.provider.log('delete').toSorted()).toEqual(['delete a', 'delete b']);
    expect(fixture.names()).toEqual(['stack', 'p', 'a']);
  });

  it('34: a secret input is nowhere in clear', async () => {
    const program: Program = () => {
      const box = new Box('a', { password: pulumi.secret('hunter2'), open: 'yes' }, { provider: new Bag('p') });
      return Promise.resolve({ box: box.urn });
    };
    const { stdout, stderr } = await fixture.up(program);
    expect(JSON.stringify(fixture.events) + stdout + stderr + readFileSync(fixture.stateFile(), 'utf8')).not.toContain(
      'hunter2',
    );
    expect(JSON.stringify(fixture.provider.calls.find(({ method }) => method === 'create')?.news)).toContain(
      '1b47061264138c4ac30d75fd1eb44270',
    );
    fixture.next();
    await fixture.up(program);
    expect(fixture.provider.log()).toEqual([]);
    await fixture.destroy();
  });

  it('34: a provider that takes no secrets gets it plain, and its echo is secret again', async () => {
    fixture.close();
    fixture = await Fixture.open(engine, { acceptSecrets: false });
    await fixture.up(() =>
      Promise.resolve({ urn: new Box('a', { password: pulumi.secret('hunter2') }, { provider: new Bag('p') }).urn }),
    );
    expect(fixture.provider.calls.find(({ method }) => method === 'create')?.news).toEqual({ password: 'hunter2' });
    expect(readFileSync(fixture.stateFile(), 'utf8')).not.toContain('hunter2');
    expect(fixture.resource('a').outputs?.['password']).toHaveProperty('ciphertext');
  });

  it('additionalSecretOutputs are closed in the state and secret for the program', async () => {
    const { outputs } = await fixture.up(() => {
      const box = new Box('a', {}, { provider: new Bag('p'), additionalSecretOutputs: ['made'] });
      return Promise.resolve({ made: box.made });
    });
    expect(outputs['made']).toEqual({ value: 'a', secret: true });
    expect(fixture.resource('a').outputs?.['made']).toHaveProperty('ciphertext');
  });

  it('ignoreChanges keeps the old input', async () => {
    const program = (size: number, colour: string): Program =>
      boxes(['a', () => ({ size, look: { colour } }), () => ({ ignoreChanges: ['look.colour'] })]);
    await fixture.up(program(1, 'red'));
    fixture.next();
    await fixture.up(program(1, 'blue'));
    expect(fixture.provider.log()).toEqual([]);
    await fixture.up(program(2, 'blue'));
    expect(fixture.provider.calls.find(({ method }) => method === 'update')?.news).toEqual({
      size: 2,
      look: { colour: 'red' },
    });
  });

  it('customTimeouts reach the provider in seconds and the state', async () => {
    await fixture.up(boxes(['a', undefined, () => ({ customTimeouts: { create: '1m30s', delete: '2h' } })]));
    expect(fixture.provider.calls.find(({ method }) => method === 'create')?.timeout).toBe(90);
    expect(fixture.resource('a').customTimeouts).toEqual({ create: 90, delete: 7200 });
    await fixture.destroy();
    expect(fixture.provider.calls.find(({ method }) => method === 'delete')?.timeout).toBe(7200);
  });

  it('an alias takes over the old resource under its new name', async () => {
    await fixture.up(boxes(['a'], ['b', ({ a }) => ({ of: a?.id })]));
    const before = fixture.resource('a');
    fixture.next();
    await fixture.up(() => {
      const provider = new Bag('p');
      const z = new Box('z', {}, { provider, aliases: [{ name: 'a' }] });
      return Promise.resolve({ made: new Box('b', { of: z.id }, { provider }).made });
    });
    expect(fixture.provider.log()).toEqual([]);
    expect(fixture.resource('z').id).toBe(before.id);
    expect(fixture.resource('b').dependencies).toEqual([fixture.resource('z').urn]);
    await fixture.destroy();
    expect(fixture.provider.existing).toEqual([]);
  });

  it('children inherit protection from their component', async () => {
    await fixture.up(() => {
      const room = new Room('r', { providers: [new Bag('p')], protect: true });
      return Promise.resolve({ made: new Box('a', {}, { parent: room }).made });
    });
    expect(fixture.resource('a').protect).toBe(true);
  });

  it('a resource without explicit provider gets the default one, configured from the stack', async () => {
    const stack = await fixture.stack(() => Promise.resolve({ made: new Box('a', {}, { version: '1.0.0' }).made }), {
      config: { 'bag:region': 'north' },
    });
    await stack.up();
    expect(fixture.resource('default_1_0_0').inputs).toEqual({ region: 'north', version: '1.0.0' });
    expect(fixture.provider.calls.find(({ method }) => method === 'configure')?.news).toMatchObject({
      region: 'north',
    });
    await stack.destroy();
    expect(fixture.provider.existing).toEqual([]);
  });

  it('reads what something else owns, and forgets it without deleting it', async () => {
    fixture.provider.objects.set('theirs', {
      urn: 'urn:pulumi:x::x::bag:index:Box::theirs',
      inputs: {},
      outputs: { made: 'elsewhere' },
    });
    class Theirs extends pulumi.CustomResource {
      declare readonly made: pulumi.Output<string>;
      constructor(provider: Bag) {
        super('bag:index:Box', 'theirs', { made: undefined }, { id: 'theirs', provider });
      }
    }
    const { outputs } = await fixture.up(() => Promise.resolve({ made: new Theirs(new Bag('p')).made }));
    expect(outputs['made']?.value).toBe('elsewhere');
    expect(fixture.resource('theirs')).toMatchObject({ external: true, id: 'theirs' });
    await fixture.destroy();
    expect(fixture.provider.existing).toEqual(['theirs']);
  });

  it('a changed file is a changed input', async () => {
    const file = join(fixture.folder, 'asset.txt');
    const program = boxes(['a', () => ({ source: new pulumi.asset.FileAsset(file) })]);
    writeFileSync(file, 'one');
    await fixture.up(program);
    fixture.next();
    await fixture.up(program);
    expect(fixture.provider.log()).toEqual([]);
    writeFileSync(file, 'two');
    await fixture.up(program);
    expect(fixture.provider.log()).toEqual(['update a']);
  });

  it('calls a function of the provider', async () => {
    const { outputs } = await fixture.up(async () => {
      const provider = new Bag('p');
      const answer: unknown = await pulumi.runtime.invoke('bag:index:echo', { say: 'hello' }, { provider });
      return { answer };
    });
    expect(outputs['answer']?.value).toEqual({ say: 'hello' });
  });
});

import * as pulumi from '@pulumi/pulumi';
import { afterEach, describe, expect, it } from 'vitest';
import { Bag, Box, boxes, ENGINES, Fixture } from './fixture.ts';
import type { Program } from './fixture.ts';

/*
 * Providers and programs that know less, or ask for more: a provider without Handshake says what it can when it is configured,
 * and a program may demand a version of Pulumi.
 */

const secretive: Program = () =>
  Promise.resolve({ made: new Box('a', { password: pulumi.secret('hunter2') }, { provider: new Bag('p') }).made });

describe.each(ENGINES)('with the %s engine', (engine) => {
  let fixture: Fixture;
  afterEach(() => {
    fixture.close();
  });

  it.each([
    [true, { '4dabf18193072939515e22adb298388d': '1b47061264138c4ac30d75fd1eb44270', value: 'hunter2' }],
    [false, 'hunter2'],
  ])('a provider without Handshake takes secrets as it says when configured: %s', async (acceptSecrets, password) => {
    fixture = await Fixture.open(engine, { greets: false, acceptSecrets });
    await fixture.up(secretive);
    expect(fixture.provider.calls.filter(({ method }) => method === 'handshake')).toEqual([]);
    expect(fixture.provider.calls.find(({ method }) => method === 'create')?.news).toEqual({ password });
    await fixture.destroy();
    expect(fixture.provider.existing).toEqual([]);
  });

  it.each([
    [true, 1],
    [false, 0],
  ])(
    'a provider without Handshake is asked in previews as it says when configured: %s',
    async (supportsPreview, asked) => {
      fixture = await Fixture.open(engine, { greets: false, supportsPreview });
      const stack = await fixture.stack(boxes(['a']));
      expect((await stack.preview()).changeSummary).toEqual({ create: 3 });
      expect(fixture.provider.calls.filter(({ method, preview }) => method === 'create' && preview)).toHaveLength(
        asked,
      );
    },
  );

  it('a program may demand this version of Pulumi', async () => {
    fixture = await Fixture.open(engine);
    const { outputs } = await fixture.up(async () => {
      await pulumi.requirePulumiVersion('>=3.200.0 <4');
      return { met: true };
    });
    expect(outputs['met']?.value).toBe(true);
  });

  it('a program that demands another version fails, and the range is named', async () => {
    fixture = await Fixture.open(engine);
    await expect(
      fixture.up(async () => {
        await pulumi.requirePulumiVersion('>=99.0.0');
        return { made: new Box('a', {}, { provider: new Bag('p') }).made };
      }),
    ).rejects.toThrow(/>=99\.0\.0/);
    expect(fixture.provider.existing).toEqual([]);
  });
});

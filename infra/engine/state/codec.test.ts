import fc from 'fast-check';
import { expect, it } from 'vitest';
import { secretOf } from '../values/value.ts';
import type { Json, Properties } from '../values/value.ts';
import { Codec } from './codec.ts';
import type { State } from './schema.ts';
import { createSecrets } from './secrets.ts';

const state = (outputs: Properties): State => ({
  urn: 'urn:pulumi:dev::bb::bag:index:Box::a',
  type: 'bag:index:Box',
  custom: true,
  inputs: {},
  outputs,
});

it('property: what is closed and opened again is what it was, secrets and odd numbers too', async () => {
  const { providers } = await createSecrets('x');
  const value: fc.Arbitrary<Json> = fc
    .tuple(fc.jsonValue(), fc.constantFrom('plain', 'secret', 'nan'))
    .map(([inner, kind]) => {
      const json = JSON.parse(JSON.stringify(inner)) as Json;
      return kind === 'plain' ? json : kind === 'secret' ? secretOf(json) : { deep: [Number.NEGATIVE_INFINITY, json] };
    });
  await fc.assert(
    fc.asyncProperty(fc.dictionary(fc.string(), value), async (outputs) => {
      const codec = new Codec('x', providers);
      const before = state(outputs);
      if (codec.lacksKey([before])) await codec.derive();
      const stored = JSON.parse(codec.text(before)) as ReturnType<Codec['close']>;
      expect((await new Codec('x', providers).open(stored)).outputs).toEqual(outputs);
    }),
    { numRuns: 50 },
  );
});

it('an unchanged secret keeps its ciphertext', async () => {
  const codec = new Codec('x', undefined);
  await codec.derive();
  const hidden = secretOf('hunter2');
  const close = (): string => JSON.stringify(codec.close(state({ hidden })));
  expect(close()).toBe(close());
  expect(close()).not.toContain('hunter2');
});

it('refuses to open a secret without passphrase, and one that is neither closed nor plain', async () => {
  const stored = { ...state({ hidden: { ...(secretOf('x') as object) } }) };
  await expect(new Codec(undefined, undefined).open(stored)).rejects.toMatchObject({ code: 'bad_passphrase' });
  await expect(new Codec('x', undefined).open(stored)).rejects.toMatchObject({ code: 'bad_state' });
});

it('refuses another secrets provider', () => {
  expect(() => new Codec('x', { type: 'cloud' })).toThrow(expect.objectContaining({ code: 'refused' }));
});

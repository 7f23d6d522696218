import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CONTRACTS } from '../protocol/index.ts';
import { anyText } from '../testing/arbitrary.ts';
import { argvOf } from './argv.ts';
import { CATALOGUE } from './catalogue.ts';

const program = { path: '/bin/{name}', arguments: ['--fixed', '{list}', 'x{name}y'] };

describe('argvOf', () => {
  it('puts values in by position, and a list as that many arguments', () => {
    expect(argvOf(program, { name: 'a', list: ['b c', '--d'] })).toEqual(['/bin/a', '--fixed', 'b c', '--d', 'xay']);
    expect(argvOf(program, { name: 'a', list: [] })).toEqual(['/bin/a', '--fixed', 'xay']);
  });

  it('never makes more or other arguments out of a value, whatever it says', () => {
    const hostile = fc.oneof(
      anyText(20),
      fc.constantFrom('{name}', '{list}', '--x', '$(id)', '; id', '$&', '$1', "$'", '\n'),
    );
    fc.assert(
      fc.property(hostile, fc.array(hostile, { maxLength: 4 }), (name, list) => {
        expect(argvOf(program, { name, list })).toEqual([`/bin/${name}`, '--fixed', ...list, `x${name}y`]);
      }),
      { numRuns: 2000 },
    );
  });

  it('refuses a placeholder without a value, or a list where one value belongs', () => {
    expect(() => argvOf(program, { name: 'a' })).toThrow('expected a value for {list}, got none');
    expect(() => argvOf(program, { name: ['a'], list: [] })).toThrow('expected one value for {name}, got a list');
    expect(() => argvOf({ path: '/bin/{constructor}', arguments: [] }, {})).toThrow('got none');
  });

  it('fills every template of the catalogue from the arguments that its action has', () => {
    for (const [name, { args }] of Object.entries(CONTRACTS)) {
      const row = CATALOGUE.actions[name as keyof typeof CONTRACTS];
      const values = Object.fromEntries(Object.keys(args.shape).map((key) => [key, 'x']));
      for (const one of [row?.program, ...(row?.units ?? []).map((unit) => unit.program)]) {
        if (one !== undefined) expect(argvOf(one, values)[0]).toMatch(/^\/[a-z]/);
      }
    }
  });
});

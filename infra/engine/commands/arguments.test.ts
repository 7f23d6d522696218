import { expect, it } from 'vitest';
import { parseArguments } from './arguments.ts';
import { attachedProviders } from '../provider/attached.ts';
import { parseDuration } from '../run/goal.ts';
import { makeUrn, parseReference, parseUrn, typeOf } from '../values/urn.ts';

it('reads what the Automation API sends for an update', () => {
  const args =
    'up --yes --skip-preview --message hello --refresh --parallel 4 --continue-on-error --run-program=false --client=127.0.0.1:1 --exec-kind auto.inline --event-log tcp://127.0.0.1:2 --stack dev';
  const { command, switches, values } = parseArguments(args.split(' '));
  expect(command).toBe('up');
  expect([...switches]).toEqual(['--refresh', '--continue-on-error']);
  expect(Object.fromEntries(values)).toMatchObject({
    '--client': '127.0.0.1:1',
    '--message': 'hello',
    '--parallel': '4',
    '--stack': 'dev',
    '--event-log': 'tcp://127.0.0.1:2',
  });
});

it('takes a positional stack name', () => {
  expect(parseArguments(['stack', 'rm', '--yes', '--force', 'dev'])).toMatchObject({
    command: 'stack rm',
    positional: ['dev'],
  });
});

it.each([
  [['up', '--target', 'x'], 'up --target'],
  [['up', '--run-program=true'], '--run-program=true'],
  [['up', '--brand-new-flag'], '--brand-new-flag'],
  [['destroy', '--exclude-protected'], '--exclude-protected'],
  [['config', 'set', 'a', 'b'], 'config set'],
  [['stack', 'rename', 'x'], 'stack rename'],
  [['constructor'], 'the command "constructor"'],
  [['toString', 'x'], 'the command "toString x"'],
  [[], 'the command'],
])('refuses %j by name', (args, name) => {
  expect(() => parseArguments(args)).toThrow(
    expect.objectContaining({ code: 'refused', message: expect.stringContaining(name) as string }),
  );
});

it('refuses a flag without its value', () => {
  expect(() => parseArguments(['up', '--stack'])).toThrow(expect.objectContaining({ code: 'refused' }));
});

it.each([
  ['5m', 300],
  ['1h30m', 5400],
  ['1.5s', 1.5],
  ['250ms', 0.25],
])('reads the duration %s', (text, seconds) => {
  expect(parseDuration(text)).toBeCloseTo(seconds);
});

it.each(['', '5', 'm5', '5 m', '-5m', '5x'])('refuses the duration %j', (text) => {
  expect(() => parseDuration(text)).toThrow(expect.objectContaining({ code: 'operation_failed' }));
});

it('reads attached providers and refuses what is none', () => {
  expect([...attachedProviders({ a: '127.0.0.1:1' }, 'b:2, c:3')]).toEqual([
    ['a', '127.0.0.1:1'],
    ['b', '127.0.0.1:2'],
    ['c', '127.0.0.1:3'],
  ]);
  expect(() => attachedProviders({}, 'b')).toThrow(expect.objectContaining({ code: 'refused' }));
});

it('makes and reads URNs, names with colons too', () => {
  const room = makeUrn('dev', 'bb', makeUrn('dev', 'bb', undefined, 'pulumi:pulumi:Stack', 's'), 'bag:index:Room', 'r');
  const box = makeUrn('dev', 'bb', room, 'bag:index:Box', 'a::b');
  expect(box).toBe('urn:pulumi:dev::bb::bag:index:Room$bag:index:Box::a::b');
  expect(parseUrn(box).name).toBe('a::b');
  expect(typeOf(box)).toBe('bag:index:Box');
  expect(parseReference(`${makeUrn('dev', 'bb', undefined, 'pulumi:providers:bag', 'p')}::id`).id).toBe('id');
  expect(() => parseReference(`${box}::id`)).toThrow(RangeError);
});

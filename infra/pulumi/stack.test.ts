import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as pulumi from '@pulumi/pulumi';
import { CommandError } from '@pulumi/pulumi/automation/index.js';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ProviderFault, TestProvider } from '../../test/support/provider.ts';
import { chooseEngine } from './engine.ts';
import { PulumiError, translateError } from './errors.ts';
import type { EngineEvent } from './events.ts';
import type { OpenStack } from './stack.ts';
import { openStack } from './stack.ts';

class Bag extends pulumi.ProviderResource {
  constructor() {
    super('bag', 'p');
  }
}

class Box extends pulumi.CustomResource {
  declare readonly made: pulumi.Output<string>;
  constructor(name: string, provider: Bag) {
    super('bag:index:Box', name, { made: undefined }, { provider });
  }
}

let provider: TestProvider;
let folder = '';
beforeEach(async () => {
  provider = await TestProvider.start();
  folder = mkdtempSync(join(tmpdir(), 'stack-'));
});
afterEach(() => {
  provider.stop();
  rmSync(folder, { recursive: true });
});

const open = (name = 'run-1'): Promise<OpenStack> =>
  openStack({
    name,
    project: 'bb',
    program: () => Promise.resolve({ made: new Box('a', new Bag()).made }),
    backendDir: join(folder, 'state'),
    workDir: join(folder, name),
    engine: 'embedded',
    passphrase: 'x',
    providers: { bag: provider.address },
  });
const ignore = (): void => undefined;
const never = new AbortController().signal;

it('brings up, tells outputs and events, destroys, and leaves nothing of the stack', async () => {
  const events: EngineEvent[] = [];
  const stack = await open();
  expect(await stack.up(never, (event) => events.push(event))).toEqual({ made: 'a' });
  expect(events.at(-1)).toHaveProperty('cancelEvent');
  expect(await stack.destroy(ignore)).toEqual({ unresolved: [] });
  await stack.remove();
  expect(provider.existing).toEqual([]);
  const left = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  expect(left.filter((name) => name.includes('run-1.'))).toEqual([]);
});

it('a failure carries its code, the URN and the words of the provider', async () => {
  provider.on('create', 'a', () => {
    throw new ProviderFault('out of boxes');
  });
  const stack = await open();
  await expect(stack.up(never, ignore)).rejects.toMatchObject({
    code: 'update_failed',
    message: expect.stringContaining('out of boxes') as string,
    diagnostics: expect.arrayContaining([
      { urn: 'urn:pulumi:run-1::bb::bag:index:Box::a', message: 'out of boxes' },
    ]) as unknown,
  });
});

it('an interrupted create that nobody can find is told by the destroy', async () => {
  const { promise: started, resolve } = Promise.withResolvers<undefined>();
  provider.on('create', 'a', () => {
    resolve(undefined);
    return new Promise(() => undefined);
  });
  const stack = await open();
  const up = expect(stack.up(never, ignore)).rejects.toMatchObject({ code: 'cancelled' });
  await started;
  stack.terminate();
  await up;
  expect(await (await open()).destroy(ignore)).toEqual({ unresolved: ['urn:pulumi:run-1::bb::bag:index:Box::a'] });
});

it('says who holds the lock, and cancel breaks it', async () => {
  const started = Promise.withResolvers<undefined>();
  const go = Promise.withResolvers<undefined>();
  provider.on('create', 'a', () => {
    started.resolve(undefined);
    return go.promise.then(ignore);
  });
  const [first, second] = [await open(), await open()];
  const up = first.up(never, ignore);
  await started.promise;
  await expect(second.destroy(ignore)).rejects.toMatchObject({ code: 'stack_locked' });
  go.resolve(undefined);
  await up;
  await second.cancel();
  await second.destroy(ignore);
});

it('an abort is no failure of the resources', async () => {
  const controller = new AbortController();
  provider.on('create', 'a', () => {
    controller.abort();
  });
  const stack = await open();
  await expect(stack.up(controller.signal, ignore)).rejects.toMatchObject({ code: 'cancelled' });
});

it('refuses to remove a stack with resources', async () => {
  const stack = await open();
  await stack.up(never, ignore);
  await expect(stack.remove()).rejects.toMatchObject({ code: 'resources_left' });
});

it('the cli engine is there or says that it is not', async () => {
  const outcome = await chooseEngine('cli').catch((error: unknown) => error);
  if (outcome instanceof Error) expect(outcome).toMatchObject({ code: 'engine_unavailable' });
  else expect(outcome).toHaveProperty('command');
});

it.each([
  ['error: incorrect passphrase', 'bad_passphrase'],
  ['error: x: snapshot integrity failure; refusing to use it', 'bad_state'],
  ["error: 'dev' still has resources; removal rejected", 'resources_left'],
  ['error: update canceled', 'cancelled'],
  ['embedded engine: up --target is not supported; use another', 'refused'],
  ['error: update failed', 'update_failed'],
])('translates %j to %s', (message, code) => {
  const error = Object.assign(Object.create(CommandError.prototype) as Error, { message });
  expect(translateError(error, 'dev', [])).toMatchObject({ code });
});

it('passes on what is no error of Pulumi', () => {
  const bug = new TypeError('bug');
  expect(translateError(bug, 'dev', [])).toBe(bug);
  const known = new PulumiError('refused', 'x');
  expect(translateError(known, 'dev', [])).toBe(known);
});

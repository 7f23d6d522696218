import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as pulumi from '@pulumi/pulumi';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Bag, Box, boxes, Fixture, NEVER } from './fixture.ts';
import type { Program } from './fixture.ts';

/** Whatever the embedded engine leaves out it refuses by its name; it never goes on as if it had not been asked. */
let fixture: Fixture;
beforeEach(async () => {
  fixture = await Fixture.open('embedded');
});
afterEach(() => {
  fixture.close();
});

class Remote extends pulumi.ComponentResource {
  constructor() {
    super('bag:index:Remote', 'r', {}, {}, true);
  }
}

const one =
  (options: (provider: Bag) => pulumi.CustomResourceOptions, inputs: pulumi.Inputs = {}): Program =>
  () => {
    const provider = new Bag('p');
    new Box('a', inputs, { provider, ...options(provider) });
    return Promise.resolve({});
  };

it.each<readonly [string, Program, RegExp]>([
  ['a remote component', () => Promise.resolve({ urn: new Remote().urn }), /embedded engine: a remote component/],
  ['a resource import', one(() => ({ import: 'x' })), /embedded engine: the resource option import/],
  [
    'a stack reference',
    () => Promise.resolve({ r: new pulumi.StackReference('x/y/z').name }),
    /embedded engine: .*StackReference/,
  ],
  [
    'what a stack keeps for itself',
    () => Promise.resolve({ s: new pulumi.Stash('s', { input: 1 }).urn }),
    /embedded engine: .*pulumi:index:Stash/,
  ],
  [
    'variables of a provider that are called otherwise',
    () => Promise.resolve({ p: new Bag('p', {}, { envVarMappings: { A: 'B' } }).urn }),
    /embedded engine: the provider option envVarMappings/,
  ],
  [
    'a transform of the whole stack',
    () => {
      pulumi.runtime.registerResourceTransform(() => undefined);
      return Promise.resolve({});
    },
    /does not support transforms/i,
  ],
  [
    'a transform of invokes',
    () => {
      pulumi.runtime.registerInvokeTransform(() => undefined);
      return Promise.resolve({});
    },
    /does not support transforms/i,
  ],
  [
    'an archive',
    one(() => ({}), { code: new pulumi.asset.FileArchive('.') }),
    /embedded engine: an archive among the inputs/,
  ],
  [
    'a remote asset',
    one(() => ({}), { code: new pulumi.asset.RemoteAsset('https://example.com/x') }),
    /embedded engine: a remote asset/,
  ],
  ['replaceWith', one((provider) => ({ replaceWith: [provider] })), /replaceWith|does not support/i],
  ['replacementTrigger', one(() => ({ replacementTrigger: 1 })), /replacementTrigger|does not support/i],
  ['a transform', one(() => ({ transforms: [() => undefined] })), /does not support transforms/i],
  [
    'a resource hook',
    one(() => ({ hooks: { beforeCreate: [new pulumi.ResourceHook('h', () => undefined)] } })),
    /hooks/i,
  ],
])('refuses %s', async (_, program, message) => {
  await expect(fixture.up(program)).rejects.toThrow(message);
  expect(fixture.provider.log()).toEqual([]);
});

it.each<readonly [string, Parameters<pulumi.automation.Stack['up']>[0], string]>([
  ['target', { target: ['urn:x'] }, 'up --target'],
  ['targetDependents', { targetDependents: true }, 'up --target-dependents'],
  ['exclude', { exclude: ['urn:x'] }, 'up --exclude'],
  ['excludeDependents', { excludeDependents: true }, 'up --exclude-dependents'],
  ['replace', { replace: ['urn:x'] }, 'up --replace'],
  ['policyPacks', { policyPacks: ['x'] }, 'up --policy-pack'],
  ['policyPackConfigs', { policyPackConfigs: ['x'] }, 'up --policy-pack-config'],
  ['plan', { plan: 'x' }, 'up --plan'],
  ['attachDebugger', { attachDebugger: true }, 'up --attach-debugger'],
  ['runProgram', { runProgram: true }, 'up --run-program=true'],
])('refuses the option %s before anything is done', async (_, options, flag) => {
  const stack = await fixture.stack(NEVER);
  await expect(stack.up(options)).rejects.toThrow(`embedded engine: ${flag} is not supported`);
  expect(fixture.provider.calls).toEqual([]);
});

it('refuses saved plans, imports of files and excluded protected resources', async () => {
  const stack = await fixture.stack(NEVER);
  await expect(stack.preview({ plan: 'x' })).rejects.toThrow('preview --save-plan is not supported');
  await expect(stack.destroy({ excludeProtected: true })).rejects.toThrow(
    'destroy --exclude-protected is not supported',
  );
  await expect(stack.workspace.setConfig('dev', 'bb:a', { value: 'x' })).rejects.toThrow(
    'config set" is not supported',
  );
  await expect(stack.workspace.setTag('dev', 'a', 'b')).rejects.toThrow('is not supported');
  await expect(stack.rename({ stackName: 'other' })).rejects.toThrow('is not supported');
  await expect(stack.import({ resources: [] })).rejects.toThrow('is not supported');
});

it('refuses configuration that would change what resources are called', async () => {
  const stack = await fixture.stack(boxes(['a']), { config: { 'pulumi:autonaming': '{}' } });
  await expect(stack.up()).rejects.toThrow('the configuration pulumi:autonaming is not supported');
});

it('refuses an ESC environment in the stack settings', async () => {
  const stack = await fixture.stack(NEVER);
  writeFileSync(join(stack.workspace.workDir, 'Pulumi.dev.yaml'), 'environment:\n  - x\n');
  await expect(stack.up()).rejects.toThrow('ESC environments');
});

it('refuses a package whose default provider is denied, and says what to do', async () => {
  const stack = await fixture.stack(() => Promise.resolve({ a: new Box('a').urn }), {
    config: { 'pulumi:disable-default-providers': '["*"]' },
  });
  await expect(stack.up()).rejects.toThrow(
    /Default provider for 'bag' disabled. 'bag:index:Box' must use an explicit provider/,
  );
});

it.each(['taint', 'viewOf', 'replaceWith', 'resourceHooks'])(
  'refuses a state in which a resource has %s, which only pulumi understands',
  async (field) => {
    await fixture.up(boxes(['a']));
    const values = { taint: true, viewOf: 'urn:x', replaceWith: ['urn:x'], resourceHooks: { beforeCreate: ['h'] } };
    edit((resources) => Object.assign(resources.at(-1) ?? {}, { [field]: values[field as keyof typeof values] }));
    await expect(fixture.destroy()).rejects.toThrow(`uses ${field}, which only the cli engine understands`);
    expect(fixture.provider.existing).toEqual(['a']);
  },
);

it('refuses a state of version 4, and a field it does not know', async () => {
  await fixture.up(boxes(['a']));
  const text = readFileSync(fixture.stateFile(), 'utf8');
  const stack = await fixture.stack(NEVER);
  writeFileSync(fixture.stateFile(), text.replace('"version":3', '"version":4'));
  await expect(stack.destroy()).rejects.toThrow('a state file of version 4 is not supported');
  writeFileSync(fixture.stateFile(), text.replace('"metadata":{}', '"metadata":{},"snippets":[]'));
  await expect(stack.destroy()).rejects.toThrow(/snippets.*refusing to use it/);
  writeFileSync(fixture.stateFile(), text);
});

it('refuses the backends and layouts it does not know, rather than make a second stack beside the first', async () => {
  const stack = await fixture.stack(NEVER);
  stack.workspace.envVars['PULUMI_BACKEND_URL'] = 's3://bucket';
  await expect(stack.workspace.selectStack('dev')).rejects.toThrow(
    'expected a backend of the form file://PATH, got s3://bucket',
  );
  stack.workspace.envVars['PULUMI_BACKEND_URL'] = `file://${fixture.folder}`;
  renameSync(fixture.stateFile(), `${fixture.stateFile()}.gz`);
  await expect(stack.workspace.createStack('dev')).rejects.toThrow(
    'a compressed state file (dev.json.gz) is not supported',
  );
  rmSync(`${fixture.stateFile()}.gz`);
  writeFileSync(join(fixture.folder, '.pulumi', 'meta.yaml'), 'version: 2\n');
  await expect(stack.workspace.createStack('dev')).rejects.toThrow('a backend of another version');
  rmSync(join(fixture.folder, '.pulumi', 'meta.yaml'));
  mkdirSync(join(fixture.folder, '.pulumi', 'stacks'), { recursive: true });
  writeFileSync(join(fixture.folder, '.pulumi', 'stacks', 'old.json'), '{}');
  await expect(stack.workspace.createStack('dev')).rejects.toThrow('the legacy layout');
});

it('refuses secrets providers other than the passphrase', async () => {
  const stack = await fixture.stack(boxes(['a']));
  Object.assign(stack.workspace, { secretsProvider: 'awskms://alias/x' });
  await expect(stack.workspace.createStack('other')).rejects.toThrow(
    'secrets provider awskms://alias/x is not supported',
  );
});

function edit(change: (resources: Record<string, unknown>[]) => void): void {
  const file = JSON.parse(readFileSync(fixture.stateFile(), 'utf8')) as {
    checkpoint: { latest: { resources: Record<string, unknown>[] } };
  };
  change(file.checkpoint.latest.resources);
  writeFileSync(fixture.stateFile(), JSON.stringify(file));
}

import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Bag, Box, boxes, ENGINES, Fixture } from './fixture.ts';
import type { Program } from './fixture.ts';

const sized = (size: number): Program =>
  boxes(['a', () => ({ size, replaceOn: ['size'] })], ['b', ({ a }) => ({ of: a?.id })]);

/** Every file below a folder with its modification time. */
function files(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => `${name} ${statSync(`${folder}/${name}`).mtimeMs}`)
    .toSorted();
}

describe.each(ENGINES)('preview and refresh on the %s engine', (engine) => {
  let fixture: Fixture;
  beforeEach(async () => {
    fixture = await Fixture.open(engine);
  });
  afterEach(() => {
    fixture.close();
  });

  it.each([
    ['a first update', undefined, sized(1)],
    ['an unchanged program', sized(1), sized(1)],
    ['a replacement', sized(1), sized(2)],
    ['a dropped resource', sized(1), boxes(['a', () => ({ size: 1, replaceOn: ['size'] })])],
  ])('37: a preview of %s changes nothing and says what the update then does', async (_, before, after) => {
    if (before) await fixture.up(before);
    const stack = await fixture.stack(after);
    const untouched = files(`${fixture.folder}/.pulumi`);
    fixture.next();
    const { changeSummary } = await stack.preview();
    expect(files(`${fixture.folder}/.pulumi`)).toEqual(untouched);
    expect(fixture.provider.log()).toEqual([]);
    await stack.up({ onEvent: fixture.take });
    expect(changeSummary).toEqual(fixture.summary().resourceChanges);
  });

  it('37: in a preview a provider whose configuration is unknown is asked for nothing', async () => {
    const program: Program = () => {
      const a = new Box('a', {}, { provider: new Bag('p1') });
      const b = new Box('b', { of: a.id }, { provider: new Bag('p2', { region: a.made }) });
      return Promise.resolve({ b: b.id });
    };
    const stack = await fixture.stack(program);
    const { changeSummary } = await stack.preview();
    expect(changeSummary).toEqual({ create: 5 });
    expect(fixture.provider.log('configure')).toHaveLength(1);
    expect(fixture.provider.log('check')).toEqual(['check a']);
    await stack.up();
    expect(fixture.provider.existing).toEqual(['a', 'b']);
    expect((await stack.preview()).changeSummary).toEqual({ same: 5 });
  });

  it('38: a refresh keeps an interrupted create on record until it is told to clear it', async () => {
    await fixture.up(boxes(['a']));
    const state = JSON.parse(readFileSync(fixture.stateFile(), 'utf8')) as {
      checkpoint: {
        latest: { pending_operations?: unknown[]; resources: { urn: string; id?: string; type: string }[] };
      };
    };
    const { latest } = state.checkpoint;
    const provider = latest.resources.find(({ type }) => type === 'pulumi:providers:bag');
    const lost = {
      ...latest.resources.find(({ type }) => type === 'bag:index:Box'),
      urn: 'urn:pulumi:dev::bb::bag:index:Box::lost',
      provider: `${String(provider?.urn)}::${String(provider?.id)}`,
    };
    latest.pending_operations = [
      { type: 'updating', resource: { ...lost } },
      { type: 'creating', resource: { ...lost, id: undefined } },
    ];
    writeFileSync(fixture.stateFile(), JSON.stringify(state));
    const stack = await fixture.stack(() => Promise.resolve({}));
    await stack.refresh();
    expect(fixture.pending()).toEqual(['lost creating']);
    await stack.refresh({ clearPendingCreates: true });
    expect(fixture.pending()).toEqual([]);
  });

  it('a preview of a refresh looks and changes nothing', async () => {
    await fixture.up(boxes(['a']));
    fixture.provider.objects.clear();
    const stack = await fixture.stack(() => Promise.resolve({}));
    const untouched = files(`${fixture.folder}/.pulumi`);
    expect((await stack.previewRefresh()).changeSummary).toEqual({ same: 2, delete: 1 });
    expect(files(`${fixture.folder}/.pulumi`)).toEqual(untouched);
  });

  it('a preview of a destroy deletes nothing', async () => {
    await fixture.up(sized(1));
    fixture.next();
    const stack = await fixture.stack(sized(1));
    const { changeSummary } = await stack.previewDestroy();
    expect(changeSummary).toEqual({ delete: 4 });
    expect(fixture.provider.existing).toEqual(['a', 'b']);
  });

  it('38: a refresh drops what is gone and takes over what changed', async () => {
    await fixture.up(boxes(['a'], ['b', ({ a }) => ({ of: a?.id })], ['c']));
    fixture.provider.objects.delete(fixture.resource('a').id ?? '');
    const c = fixture.provider.objects.get(fixture.resource('c').id ?? '');
    if (c) c.outputs = { ...c.outputs, made: 'otherwise' };
    fixture.next();
    const stack = await fixture.stack(() => Promise.resolve({}));
    await stack.refresh({ onEvent: fixture.take });
    expect(fixture.names().toSorted()).toEqual(['b', 'c', 'p', 'stack']);
    expect(fixture.resource('b').dependencies ?? []).toEqual([]);
    expect(fixture.resource('c').outputs).toMatchObject({ made: 'otherwise' });
    expect(fixture.summary().resourceChanges).toEqual({ same: 3, delete: 1, update: 1 });
  });

  it('a destroy with refresh does not try to delete what is gone', async () => {
    await fixture.up(boxes(['a'], ['b']));
    fixture.provider.objects.delete(fixture.resource('a').id ?? '');
    fixture.next();
    await fixture.destroy({ refresh: true });
    expect(fixture.provider.log('delete')).toEqual(['delete b']);
  });

  it('expectNoChanges fails when there are some', async () => {
    const stack = await fixture.stack(sized(1));
    await expect(stack.up({ expectNoChanges: true })).rejects.toThrow(/no changes were expected/);
    await stack.up({ expectNoChanges: true });
  });
});

describe.each(ENGINES)('stack commands on the %s engine', (engine) => {
  let fixture: Fixture;
  beforeEach(async () => {
    fixture = await Fixture.open(engine);
  });
  afterEach(() => {
    fixture.close();
  });

  it('lists, exports and imports stacks', async () => {
    await fixture.up(sized(1));
    const stack = await fixture.stack(sized(1));
    expect(await stack.workspace.listStacks()).toMatchObject([{ name: 'dev', resourceCount: 4 }]);
    const exported = await stack.exportStack();
    const before = readFileSync(fixture.stateFile(), 'utf8');
    await stack.importStack(exported);
    expect(JSON.parse(readFileSync(fixture.stateFile(), 'utf8'))).toMatchObject({
      checkpoint: {
        latest: {
          resources: (JSON.parse(before) as { checkpoint: { latest: { resources: unknown } } }).checkpoint.latest
            .resources,
        },
      },
    });
    await stack.destroy();
    expect(fixture.provider.existing).toEqual([]);
  });

  it('refuses to import another stack’s resources', async () => {
    await fixture.up(sized(1));
    const other = await fixture.stack(sized(1), { name: 'other' });
    await expect(other.importStack(await (await fixture.stack(sized(1))).exportStack())).rejects.toThrow(
      /urn:pulumi:dev::/,
    );
  });

  it('keeps a history, newest first, failed operations too', async () => {
    await fixture.up(sized(1));
    fixture.provider.on('delete', undefined, () => {
      throw new Error('no');
    });
    await expect(fixture.destroy({ message: 'away with it' })).rejects.toThrow();
    const stack = await fixture.stack(sized(1));
    const history = await stack.history();
    expect(history.map(({ kind, result, message }) => ({ kind, result, message }))).toEqual([
      { kind: 'destroy', result: 'failed', message: 'away with it' },
      { kind: 'update', result: 'succeeded', message: '' },
    ]);
    expect(history[0]?.startTime).toBeInstanceOf(Date);
    expect(await stack.history(1, 2)).toHaveLength(1);
  });

  it('refuses to remove a stack with resources', async () => {
    await fixture.up(sized(1));
    const stack = await fixture.stack(sized(1));
    await expect(stack.workspace.removeStack('dev')).rejects.toThrow(/still has resources/);
  });

  it('selects only what exists and makes only what does not', async () => {
    const stack = await fixture.stack(sized(1));
    await expect(stack.workspace.selectStack('nobody')).rejects.toThrow(/no stack named 'nobody' found/);
    await expect(stack.workspace.createStack('dev')).rejects.toThrow(/stack.*already exists/);
  });

  it('40: refuses a state with a wrong magic, a missing parent or no JSON', async () => {
    await fixture.up(sized(1));
    const stack = await fixture.stack(sized(1));
    const text = readFileSync(fixture.stateFile(), 'utf8');
    for (const broken of [
      text.replace(/"magic":"./, '"magic":"x'),
      text.replaceAll('"parent":"urn:pulumi:dev', '"parent":"urn:pulumi:gone'),
      text.slice(0, -1),
    ]) {
      writeFileSync(fixture.stateFile(), broken);
      await expect(stack.up()).rejects.toThrow(/integrity failure|JSON|parent/);
    }
    writeFileSync(fixture.stateFile(), text);
    await stack.destroy();
    expect(fixture.provider.existing).toEqual([]);
  });
});

describe('stack commands, where the embedded engine is stricter than pulumi', () => {
  let fixture: Fixture;
  beforeEach(async () => {
    fixture = await Fixture.open('embedded');
  });
  afterEach(() => {
    fixture.close();
  });

  it('removing a stack leaves nothing of it: no previous state, no history, no backup, no lock', async () => {
    await fixture.up(sized(1));
    await fixture.destroy({ remove: true });
    const left = readdirSync(`${fixture.folder}/.pulumi`, { recursive: true, encoding: 'utf8' });
    expect(left.filter((name) => name.includes('dev'))).toEqual([]);
    expect(left.filter((name) => /\.(json|bak|tmp)$/.test(name))).toEqual([]);
  });

  it('refuses a wrong passphrase', async () => {
    const { secret } = await import('@pulumi/pulumi');
    await fixture.up(() => Promise.resolve({ hidden: secret('x') }));
    const stack = await fixture.stack(sized(1));
    stack.workspace.envVars['PULUMI_CONFIG_PASSPHRASE'] = 'another';
    await expect(stack.outputs()).rejects.toThrow(/incorrect passphrase/);
  });
});

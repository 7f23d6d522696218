import { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as pulumi from '@pulumi/pulumi';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ProviderFault } from '../../support/provider.ts';
import { Bag, Box, boxes, ENGINES, Fixture, gate, NEVER } from './fixture.ts';
import type { Program } from './fixture.ts';

const secret: Program = () =>
  Promise.resolve({ hidden: pulumi.secret('hunter2'), a: new Box('a', { n: 1 }, { provider: new Bag('p') }).urn });

interface Exported {
  deployment: { resources: { urn: string; outputs?: Record<string, unknown> }[]; pending_operations?: unknown[] };
}

describe.each(ENGINES)('state and stacks on the %s engine', (engine) => {
  let fixture: Fixture;
  beforeEach(async () => {
    fixture = await Fixture.open(engine);
  });
  afterEach(() => {
    fixture.close();
  });

  it('exports secrets readable when asked to, and what was exported can be imported into an empty stack', async () => {
    await fixture.up(secret);
    const stack = await fixture.stack(secret);
    const exported = await stack.exportStack();
    expect(JSON.stringify(exported)).toContain(String.raw`"plaintext":"\"hunter2\""`);
    await stack.importStack(exported);
    expect(readFileSync(fixture.stateFile(), 'utf8')).not.toContain('hunter2');
    expect((await stack.outputs())['hidden']).toEqual({ value: 'hunter2', secret: true });
    fixture.next();
    await fixture.up(secret);
    expect(fixture.provider.log()).toEqual([]);
  });

  it('an import drops pending operations', async () => {
    await fixture.up(boxes(['a']));
    const stack = await fixture.stack(NEVER);
    const exported = (await stack.exportStack()) as unknown as Exported;
    exported.deployment.pending_operations = [{ type: 'creating', resource: exported.deployment.resources.at(-1) }];
    await stack.importStack(exported as unknown as pulumi.automation.Deployment);
    expect(fixture.pending()).toEqual([]);
  });

  it('says who and where, and that it has no plugins of its own', async () => {
    const stack = await fixture.stack(NEVER);
    const { user, url } = await stack.workspace.whoAmI();
    expect(user).not.toBe('');
    expect(url).toContain(fixture.folder);
    expect(await stack.workspace.listPlugins()).toEqual(expect.any(Array));
  });

  it('a stack that was never deployed has no outputs and no history', async () => {
    const stack = await fixture.stack(NEVER);
    expect(await stack.outputs()).toEqual({});
    expect(await stack.history()).toEqual([]);
    await stack.destroy();
  });

  it('keeps its settings when told to', async () => {
    const stack = await fixture.stack(NEVER);
    const settings = join(stack.workspace.workDir, 'Pulumi.dev.yaml');
    await stack.workspace.removeStack('dev', { preserveConfig: true });
    expect(readFileSync(settings, 'utf8')).not.toBe(undefined);
    await expect(stack.workspace.selectStack('dev')).rejects.toThrow(/no stack named 'dev' found/);
  });

  it('an object that its provider finds in bad health stays in the state with what is wrong, and that is no failure', async () => {
    await fixture.up(boxes(['a']));
    const id = fixture.resource('a').id ?? '';
    fixture.provider.on('read', 'a', () => {
      throw new ProviderFault('ill', { partial: { id, properties: { made: 'a' }, reasons: ['no heartbeat'] } });
    });
    const stack = await fixture.stack(NEVER);
    await stack.refresh();
    expect(fixture.resource('a')).toMatchObject({ id, initErrors: ['no heartbeat'] });
  });

  it('a Read that fails stops no other, and fails the refresh', async () => {
    await fixture.up(boxes(['a'], ['b']));
    fixture.provider.on('read', 'a', () => {
      throw new ProviderFault('cannot look');
    });
    fixture.provider.objects.delete(fixture.resource('b').id ?? '');
    const stack = await fixture.stack(NEVER);
    await expect(stack.refresh()).rejects.toThrow(/failed/);
    expect(fixture.names().filter((name) => name.length === 1)).toEqual(['p', 'a']);
  });

  it('one step at a time when told so, and stacks that are worked on meanwhile go on', async () => {
    let [running, most] = [0, 0];
    fixture.provider.on('create', undefined, async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running -= 1;
    });
    await fixture.up(boxes(['a'], ['b'], ['c']), { parallel: 1 });
    expect(most).toBe(1);
    fixture.provider.reset();
    await fixture.up(boxes(['a'], ['b'], ['c']));
  });
});

describe('state of the embedded engine', () => {
  let fixture: Fixture;
  beforeEach(async () => {
    fixture = await Fixture.open('embedded');
  });
  afterEach(() => {
    fixture.close();
  });

  it('calls no provider whose pending operation cannot be written, and starts nothing after a result that cannot', async () => {
    await fixture.up(boxes(['a']));
    const folder = dirname(fixture.stateFile());
    fixture.next();
    fixture.provider.on('create', 'b', () => {
      renameSync(folder, `${folder}.away`);
      writeFileSync(folder, 'no folder any more');
    });
    const outcome = fixture.up(boxes(['a'], ['b'], ['c', ({ b }) => ({ of: b?.id })]));
    await expect(outcome).rejects.toThrow(/post-step event returned an error/);
    expect(fixture.provider.log('create')).toEqual(['create b']);
    rmSync(folder);
    renameSync(`${folder}.away`, folder);
    expect(fixture.pending()).toEqual(['b creating']);
  });

  it('an object made under no name stays on record as a create that was interrupted', async () => {
    fixture.provider.on('create', 'a', () => {
      throw new ProviderFault('half', { partial: { id: '', properties: {}, reasons: ['nameless'] } });
    });
    await expect(fixture.up(boxes(['a']))).rejects.toThrow(/update failed/);
    expect(fixture.pending()).toEqual(['a creating']);
  });

  it('a signal that was aborted before stops the operation before it takes the lock', async () => {
    const stack = await fixture.stack(NEVER);
    await expect(stack.up({ signal: AbortSignal.abort() })).rejects.toThrow(/update canceled/);
    expect(readdirSync(join(fixture.folder, '.pulumi', 'stacks', 'bb'))).toEqual(['dev.json']);
  });

  it('cancel ends what this process does to the stack, and waits for what runs', async () => {
    const [started, go] = [gate(), gate()];
    fixture.provider.on('create', 'a', async () => {
      started.open();
      await go.opened;
    });
    const up = fixture.up(boxes(['a'], ['b', ({ a }) => ({ of: a?.id })]));
    const outcome = expect(up).rejects.toThrow(/update canceled/);
    await started.opened;
    const cancelled = (await fixture.stack(NEVER)).cancel();
    go.open();
    await cancelled;
    await outcome;
    expect(fixture.names()).toEqual(['stack', 'p', 'a']);
    expect(readdirSync(join(fixture.folder, '.pulumi', 'locks', 'organization', 'bb'))).not.toContain('dev');
  });

  it('an empty passphrase is one, and none is said', async () => {
    const stack = await fixture.stack(secret);
    delete stack.workspace.envVars['PULUMI_CONFIG_PASSPHRASE'];
    await expect(stack.up()).rejects.toThrow(/passphrase must be set with PULUMI_CONFIG_PASSPHRASE/);
    stack.workspace.envVars['PULUMI_CONFIG_PASSPHRASE'] = '';
    await stack.up();
    expect((await stack.outputs())['hidden']?.value).toBe('hunter2');
  });

  it('a bad duration is refused by its text', async () => {
    await expect(fixture.up(boxes(['a', undefined, () => ({ customTimeouts: { create: 'soon' } })]))).rejects.toThrow(
      /expected a duration such as 5m or 1h30m in customTimeouts, got "soon"/,
    );
  });

  it('state files are this user’s alone', async () => {
    await fixture.up(boxes(['a']));
    expect(statSync(fixture.stateFile()).mode & 0o077).toBe(0);
  });
});
